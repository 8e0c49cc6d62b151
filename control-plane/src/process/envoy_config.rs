//! `flowguard envoy-config`: the configuration of an Envoy, made of all settings.

use std::num::NonZeroU16;

use proto::plugin_config::{Mode, PluginConfig};

use crate::{
    envoy_config::{self, Config, GenerateError, Surroundings},
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
    /// What the filter does with a decision.
    pub mode: Mode,
    /// Where Envoy reaches the control plane, when that is not its bind address.
    pub control_plane_host: Option<Host>,
    /// The port at which Envoy shows its statistics to other hosts, if it does.
    pub stats_port: Option<NonZeroU16>,
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
}

/// The configuration as YAML.
pub fn generate(
    settings: Settings,
    options: EnvoyConfigOptions,
) -> Result<String, EnvoyConfigError> {
    let Settings { envoy, listeners, policy, .. } = settings;
    let EnvoyConfigOptions { filter, mode, control_plane_host, stats_port, drain } = options;
    let decision_port =
        NonZeroU16::new(listeners.decision_port).ok_or(EnvoyConfigError::UnknownDecisionPort)?;
    if let Some(port) = stats_port {
        refuse_taken(port, &envoy)?;
    }
    let host = control_plane_host.unwrap_or(Host::Ip(listeners.local_ip()));
    let surroundings = Surroundings {
        filter,
        ip: listeners.ip,
        control_plane: (host, decision_port),
        stats_port,
        drain,
    };
    let plugin = PluginConfig { mode, estimate: policy.estimate.source, ..envoy.filter };
    let config = Config { filter: plugin, ..envoy };
    Ok(envoy_config::generate(&config, &surroundings)?)
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
