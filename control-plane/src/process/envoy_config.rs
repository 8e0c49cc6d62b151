//! `flowguard envoy-config`: the configuration of an Envoy, made of all settings.

use std::{
    num::NonZeroU16,
    path::{Path, PathBuf},
    process::ExitCode,
};

use proto::plugin_config::{Identity, PluginConfig};

use super::{
    envoy_files::{self, EnvoyFilesError},
    exit,
};
use crate::{
    envoy_config::{self, Config, ControlPlane, Discovery, GenerateError, Surroundings},
    host::Host,
    settings::{
        Settings,
        table::{ENVOY_ADMIN_PORT, PROXY_PORT},
    },
};

/// The command's options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvoyConfigOptions {
    /// Where Envoy finds the filter's wasm file.
    pub filter: String,
    /// Where Envoy reaches the control plane, when that is not its bind address and no list says it.
    pub control_plane_host: Option<Host>,
    /// The port at which Envoy shows its statistics to other hosts, if it does.
    pub stats_port: Option<NonZeroU16>,
    /// The file of the token that Envoy shows to the control plane, if it shows one.
    pub decide_token_file: Option<String>,
    /// The folder of the files that Envoy follows while it runs, if it does.
    pub discovery_folder: Option<PathBuf>,
    /// Whether its admin port lets itself be told to drain Envoy.
    pub drain: bool,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum EnvoyConfigError {
    /// The control plane will listen on a port that nobody knows yet.
    #[error(
        "DECISION_PORT=0 (--decision-port) is not allowed here: a port from 1 to 65535, for Envoy must know it"
    )]
    UnknownDecisionPort,
    /// Envoy has another listener there.
    #[error("--stats-port={port} is not allowed: a port other than {setting}, which is the same")]
    StatsPortTaken {
        /// The port.
        port: NonZeroU16,
        /// The setting that names the port already.
        setting: &'static str,
    },
    /// It could not be written.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// Its files could not be written, or not be filled.
    #[error(transparent)]
    Files(#[from] EnvoyFilesError),
}

/// Does what the command says.
pub(super) fn run(settings: Settings, options: EnvoyConfigOptions) -> ExitCode {
    let lacking = lacking(settings.envoy.filter.identity);
    let done = match options.discovery_folder.clone() {
        None => generate(settings, options).map(|yaml| exit::print(&yaml)),
        Some(folder) => write(settings, options, &folder).map(|told| exit::done(&told)),
    };
    if done.is_ok()
        && let Some(lacking) = lacking
    {
        exit::note(lacking);
    }
    done.unwrap_or_else(|error| match error {
        EnvoyConfigError::Files(error) => exit::cannot_create(&error),
        error => exit::refuse(&error),
    })
}

/// What a configuration lacks in which nobody is known yet: who verifies callers, and by what, is known
/// to whoever runs that Envoy alone.
fn lacking(identity: Identity) -> Option<&'static str> {
    match identity {
        Identity::Header | Identity::ApiKey => None,
        Identity::Jwt => Some(
            "with FLOWGUARD_IDENTITY=jwt nobody passes this Envoy as it is written: put before \
             FlowGuard's the filter that verifies tokens, such as envoy.filters.http.jwt_authn with \
             payload_in_metadata, and leaves what IDENTITY_CLAIM names (envoy/README.md, Who asks)",
        ),
        Identity::Mtls => Some(
            "with FLOWGUARD_IDENTITY=mtls nobody passes this Envoy as it is written: give the listener \
             of clients a transport_socket of TLS, with require_client_certificate and the authorities \
             that are trusted (envoy/README.md, Who asks)",
        ),
    }
}

/// The configuration as YAML.
pub fn generate(
    settings: Settings,
    options: EnvoyConfigOptions,
) -> Result<String, EnvoyConfigError> {
    let (config, surroundings) = read(settings, options)?;
    Ok(envoy_config::generate(&config, &surroundings)?)
}

/// Writes it as files that Envoy follows, and says what is to be known of it.
fn write(
    settings: Settings,
    options: EnvoyConfigOptions,
    folder: &Path,
) -> Result<String, EnvoyConfigError> {
    let folder = envoy_files::absolute(folder)?;
    let filter = envoy_files::absolute(Path::new(&options.filter))?;
    let token_file = options.decide_token_file.as_deref().map(Path::new);
    let decide_token_file = token_file.map(envoy_files::absolute).transpose()?;
    let options = EnvoyConfigOptions { filter, decide_token_file, ..options };
    let (config, surroundings) = read(settings, options)?;
    let filter_version = envoy_files::filter_version(Path::new(&surroundings.filter))?;
    let discovery = Discovery { folder, filter_version };
    let files = envoy_config::generate_files(&config, &surroundings, &discovery)?;
    Ok(envoy_files::write(&files, Path::new(&discovery.folder))?)
}

/// What is chosen for Envoy, and where it will run.
fn read(
    settings: Settings,
    options: EnvoyConfigOptions,
) -> Result<(Config, Surroundings), EnvoyConfigError> {
    let Settings { envoy, listeners, policy, .. } = settings;
    let EnvoyConfigOptions {
        filter, control_plane_host, stats_port, decide_token_file, drain, ..
    } = options;
    if let Some(port) = stats_port {
        refuse_taken(port, &envoy)?;
    }
    let one = || {
        let host = control_plane_host.unwrap_or(Host::Ip(listeners.local_ip()));
        Some(ControlPlane { host, port: NonZeroU16::new(listeners.decision_port)? })
    };
    let control_planes = envoy.control_planes.clone();
    let control_planes = control_planes.or(one).ok_or(EnvoyConfigError::UnknownDecisionPort)?;
    let ip = listeners.ip;
    let surroundings =
        Surroundings { filter, ip, control_planes, stats_port, decide_token_file, drain };
    let plugin = PluginConfig { estimate: policy.estimate.source, ..envoy.filter };
    Ok((Config { filter: plugin, ..envoy }, surroundings))
}

/// Envoy listens on three ports, and two of them are settings.
fn refuse_taken(port: NonZeroU16, envoy: &Config) -> Result<(), EnvoyConfigError> {
    for (taken, setting) in [(envoy.proxy_port, &PROXY_PORT), (envoy.admin_port, &ENVOY_ADMIN_PORT)]
    {
        if taken == port {
            return Err(EnvoyConfigError::StatsPortTaken { port, setting: setting.name });
        }
    }
    Ok(())
}
