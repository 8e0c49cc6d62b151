//! Settings: what an operator chooses before anything runs.
//!
//! A setting comes from its flag, else from its environment variable (`FLOWGUARD_NAME`, then
//! `NAME`), else from its default. All of them are read at once into [`Settings`], whose types hold
//! allowed values only, so that nothing half-configured ever starts.
//!
//! Each room of the house owns the configuration that it obeys: its types, its ranges and, in the
//! `impl Default` of that configuration, its defaults. Here these are put together and filled: the
//! table has one row a setting, which says what it fills and what it means, and everything else is
//! made of the rows. No room reads settings, only the
//! process does; a message of theirs may name one.

mod choice;
mod error;
mod field;
mod notation;
pub(crate) mod table;
mod value;
mod variables;

use std::{fmt::Write as _, path::PathBuf};

use proto::plugin_config::{Identity, PluginConfig};

pub use error::{NotAllowed, SettingsError, shown};
pub(crate) use notation::{NonEmpty, Notation, Plain};
pub use table::{Echo, Flag, Setting, Times};
pub(crate) use variables::Variables;
pub use variables::{GivenText, Misspelt, WithoutEffect};

use crate::{
    auth, envoy_config, http,
    ledger::{self, UnknownClients},
    listener, logging, store, tls,
};

/// Every setting in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What Envoy's configuration is made of. What Envoy shares with this process stands below: the
    /// address, and where an estimate comes from.
    pub envoy: envoy_config::Config,
    /// Where this process listens.
    pub listeners: listener::Addresses,
    /// The certificate that its ports show, and whose they ask for.
    pub tls: tls::Config,
    /// Whom the REST API and the metrics answer.
    pub access: http::Access,
    /// Who has to show who they are.
    pub auth: auth::Config,
    /// What is logged, and in which form.
    pub log: logging::Config,
    /// What a request is charged, and to whom.
    pub policy: ledger::Policy,
    /// How many decisions are kept to be decided again.
    pub decisions_kept: ledger::DecisionsKept,
    /// Whether a first start configures the demo clients.
    pub demo_clients: bool,
    /// The file that has clients, if one does.
    pub config_file: Option<PathBuf>,
    /// Where that is kept which outlives the process.
    pub data_dir: store::DataDir,
    /// The file of the audit, where it is not in the folder.
    pub audit_file: Option<PathBuf>,
    /// What is shared with other control planes.
    pub store: store::shared::Config,
}

/// The rooms' own defaults, and what the process alone obeys.
impl Default for Settings {
    fn default() -> Self {
        Self {
            envoy: envoy_config::Config::default(),
            listeners: listener::Addresses::default(),
            tls: tls::Config::default(),
            access: http::Access::default(),
            auth: auth::Config::default(),
            log: logging::Config::default(),
            policy: ledger::Policy::default(),
            decisions_kept: ledger::DecisionsKept::default(),
            demo_clients: true,
            config_file: None,
            data_dir: store::DataDir::default(),
            audit_file: None,
            store: store::shared::Config::default(),
        }
    }
}

impl Settings {
    /// Reads every setting in the order of the table; `given` tells what the operator gave for one,
    /// if anything.
    ///
    /// # Errors
    /// The first value that is not allowed, or that names the port of a setting before it; else what does
    /// not go together.
    pub fn resolve(given: impl Fn(&Setting) -> Option<GivenText>) -> Result<Self, SettingsError> {
        let mut settings = Self::default();
        for setting in Setting::all() {
            if let Some(given) = given(setting) {
                setting.read(&mut settings, given)?;
            }
            settings.refuse_shared_port(setting)?;
        }
        if let Some((given, missing)) = settings.tls.lacks() {
            return Err(SettingsError::Alone { given, missing });
        }
        if let Some((given, missing)) = settings.envoy.control_plane_tls.lacks() {
            return Err(SettingsError::Alone { given, missing });
        }
        if settings.store.is_spread() {
            return Err(SettingsError::Spread(settings.store.prefix));
        }
        settings.policy.identity = settings.envoy.filter.identity;
        settings.refuse_unknown_callers()?;
        if let UnknownClients::Each { .. } = settings.policy.unknown_clients {
            if settings.policy.identity == Identity::Header {
                return Err(SettingsError::EachUnverified);
            }
            if settings.store.url.is_some() {
                return Err(SettingsError::EachInStore);
            }
        }
        if settings.config_file.is_some() && settings.store.url.is_some() {
            return Err(SettingsError::FileBesideStore);
        }
        if settings.auth.issuer.is_incomplete() {
            return Err(SettingsError::IncompleteIssuer);
        }
        Ok(settings)
    }

    /// One `NAME=value` line for each setting that has an effect. Given back as environment
    /// variables, the lines make the same settings.
    pub fn to_lines(&self) -> String {
        let mut lines = String::new();
        for setting in Setting::all() {
            if let Some(value) = setting.show(self) {
                // Writing to a string cannot fail.
                let _ = writeln!(lines, "{}={value}", setting.name);
            }
        }
        lines
    }

    /// Nobody is to be known by a word of its own, but where an operator says so.
    fn refuse_unknown_callers(&self) -> Result<(), SettingsError> {
        let PluginConfig { mode, identity, .. } = self.envoy.filter;
        let ip = self.listeners.ip;
        match identity {
            Identity::Header if !ip.is_loopback() && !self.envoy.trust_client_header => {
                Err(SettingsError::HeaderForAll(ip))
            }
            Identity::Header => Ok(()),
            _ if mode.asks() => Ok(()),
            _ => Err(SettingsError::IdentityUnasked { mode, identity }),
        }
    }

    /// Two listeners on one port would leave the second one out, or worse, a request at the wrong
    /// door. Port 0 is whichever port is free, so it may be given to many.
    fn refuse_shared_port(&self, second: &'static Setting) -> Result<(), SettingsError> {
        let Some(port) = second.port(self) else { return Ok(()) };
        let mut before = Setting::all().take_while(|setting| *setting != second);
        match before.find(|setting| setting.port(self) == Some(port)) {
            Some(first) => Err(SettingsError::SamePort { first, second, port }),
            None => Ok(()),
        }
    }
}
