//! The table of settings: every name, default and allowed value, for the parser, for `--help`,
//! and for the messages about a value that is wrong.

mod charge;
mod filter;
mod network;

pub(crate) use self::network::*;
pub(super) use self::{charge::*, filter::*};

/// One setting.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// The environment variable, with `FLOWGUARD_` before it or without; also the setting's name in
    /// every message.
    pub name: &'static str,
    /// The command line flag, without its dashes.
    pub flag: Option<&'static str>,
    /// What stands for the value in the flag's help.
    pub placeholder: &'static str,
    /// In effect when nothing is given.
    pub default: &'static str,
    /// Which values are allowed, as it is said after one that is not.
    pub allowed: &'static str,
    /// What the setting is for.
    pub meaning: &'static str,
    /// How much of a refused value may be repeated.
    pub echo: Echo,
}

/// How much of a value may be repeated in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echo {
    /// All of it.
    Whole,
    /// Nothing that may be a password or a key.
    WithoutSecrets,
}

impl Setting {
    /// All settings, in the order in which they are read and shown.
    pub const ALL: [&Self; 37] = [
        &UPSTREAM_URL,
        &UPSTREAM_CA_FILE,
        &STREAM_IDLE_TIMEOUT_S,
        &PROXY_PORT,
        &METRICS_PORT,
        &CONFIG_PORT,
        &GRPC_PORT,
        &DECISION_PORT,
        &ENVOY_ADMIN_PORT,
        &ENVOY_CONNECTIONS_MAX,
        &ENVOY_HEAP_BYTES,
        &BIND_ADDRESS,
        &ALLOWED_HOSTS,
        &CORS_ALLOW_ORIGINS,
        &LOG_LEVEL,
        &LOG_FORMAT,
        &FAILURE_MODE,
        &DECISION_TIMEOUT_MS,
        &ERROR_FORMAT,
        &RATE_LIMIT_HEADERS,
        &UPSTREAM_RATE_LIMIT_HEADERS,
        &ACCEPT_ENCODING,
        &EXEMPT_PATHS,
        &EXEMPT_PREFLIGHT,
        &ESTIMATE,
        &DEFAULT_ESTIMATE,
        &MIN_ESTIMATE,
        &CHARGE_WITHOUT_USAGE,
        &CHARGE_ON_ABORT,
        &OBSERVED_TOKENS_MAX,
        &CHARGE_ON_READ,
        &CHARGE_ON_UPSTREAM_REFUSAL,
        &CHARGE_ON_UPSTREAM_FAILURE,
        &UNKNOWN_CLIENTS,
        &UNKNOWN_CLIENT_RPM,
        &UNKNOWN_CLIENT_TPM,
        &DEMO_CLIENTS,
    ];

    /// The setting by all its names, such as `PROXY_PORT (--proxy-port)`.
    pub fn names(&self) -> String {
        match self.flag {
            Some(flag) => format!("{} (--{flag})", self.name),
            None => self.name.to_owned(),
        }
    }
}

/// What the settings without a flag have in common.
const VARIABLE: Setting = Setting {
    name: "",
    flag: None,
    placeholder: "",
    default: "",
    allowed: "",
    meaning: "",
    echo: Echo::Whole,
};
