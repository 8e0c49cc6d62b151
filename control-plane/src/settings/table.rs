//! The table of settings: every name, default and allowed value, for the parser, for `--help`,
//! and for the messages about a value that is wrong.

/// One setting.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// The environment variable; also the setting's name in every message.
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
    pub const ALL: [&Self; 27] = [
        &UPSTREAM_URL,
        &UPSTREAM_CA_FILE,
        &PROXY_PORT,
        &METRICS_PORT,
        &CONFIG_PORT,
        &GRPC_PORT,
        &DECISION_PORT,
        &ENVOY_ADMIN_PORT,
        &BIND_ADDRESS,
        &LOG_LEVEL,
        &LOG_FORMAT,
        &FAILURE_MODE,
        &DECISION_TIMEOUT_MS,
        &ERROR_FORMAT,
        &RATE_LIMIT_HEADERS,
        &UPSTREAM_RATE_LIMIT_HEADERS,
        &ACCEPT_ENCODING,
        &ESTIMATE,
        &DEFAULT_ESTIMATE,
        &CHARGE_WITHOUT_USAGE,
        &CHARGE_ON_UPSTREAM_FAILURE,
        &CHARGE_ON_ABORT,
        &UNKNOWN_CLIENTS,
        &UNKNOWN_CLIENT_RPM,
        &UNKNOWN_CLIENT_TPM,
        &CORS_ALLOW_ORIGINS,
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

const FIXED_PORT: &str = "a port from 1 to 65535";
const FREE_PORT: &str = "a port from 1 to 65535, or 0 for any free one";
const LIMIT: &str = "an integer from 1 to 1000000000000";
const FALLBACK_CHARGE: &str = "estimate, request or nothing";

pub(super) const UPSTREAM_URL: Setting = Setting {
    name: "UPSTREAM_URL",
    flag: Some("upstream-url"),
    placeholder: "URL",
    default: "https://api.openai.com",
    allowed: "an http or https URL of a host, with an optional port and path, without user name, query and fragment",
    meaning: "Where Envoy forwards",
    echo: Echo::WithoutSecrets,
};

pub(super) const UPSTREAM_CA_FILE: Setting = Setting {
    name: "UPSTREAM_CA_FILE",
    flag: Some("upstream-ca-file"),
    placeholder: "PATH",
    default: "/etc/ssl/certs/ca-certificates.crt",
    allowed: "the path of a file of PEM certificates",
    meaning: "The certificates that Envoy trusts for an https upstream",
    echo: Echo::Whole,
};

pub(crate) const PROXY_PORT: Setting = Setting {
    name: "PROXY_PORT",
    flag: Some("proxy-port"),
    placeholder: "PORT",
    default: "8080",
    allowed: FIXED_PORT,
    meaning: "Envoy's listener for API traffic",
    echo: Echo::Whole,
};

pub(crate) const METRICS_PORT: Setting = Setting {
    name: "METRICS_PORT",
    flag: Some("metrics-port"),
    placeholder: "PORT",
    default: "9090",
    allowed: FREE_PORT,
    meaning: "Prometheus metrics",
    echo: Echo::Whole,
};

pub(crate) const CONFIG_PORT: Setting = Setting {
    name: "CONFIG_PORT",
    flag: Some("config-port"),
    placeholder: "PORT",
    default: "9091",
    allowed: FREE_PORT,
    meaning: "The REST API",
    echo: Echo::Whole,
};

pub(crate) const GRPC_PORT: Setting = Setting {
    name: "GRPC_PORT",
    flag: Some("grpc-port"),
    placeholder: "PORT",
    default: "9092",
    allowed: FREE_PORT,
    meaning: "The gRPC API",
    echo: Echo::Whole,
};

pub(crate) const DECISION_PORT: Setting = Setting {
    name: "DECISION_PORT",
    flag: Some("decision-port"),
    placeholder: "PORT",
    default: "9095",
    allowed: FREE_PORT,
    meaning: "The filter's decision stream",
    echo: Echo::Whole,
};

pub(crate) const ENVOY_ADMIN_PORT: Setting = Setting {
    name: "ENVOY_ADMIN_PORT",
    flag: Some("envoy-admin-port"),
    placeholder: "PORT",
    default: "9901",
    allowed: FIXED_PORT,
    meaning: "Envoy's admin interface, always on 127.0.0.1",
    echo: Echo::Whole,
};

pub(super) const BIND_ADDRESS: Setting = Setting {
    name: "BIND_ADDRESS",
    flag: Some("bind-address"),
    placeholder: "ADDRESS",
    default: "127.0.0.1",
    allowed: "an IP address, such as 127.0.0.1 or 0.0.0.0",
    meaning: "The address of all listeners",
    echo: Echo::Whole,
};

pub(super) const LOG_LEVEL: Setting = Setting {
    name: "LOG_LEVEL",
    flag: Some("log-level"),
    placeholder: "LEVEL",
    default: "info",
    allowed: "error, warn, info, debug or trace",
    meaning: "The least severe level that is logged",
    echo: Echo::Whole,
};

pub(super) const LOG_FORMAT: Setting = Setting {
    name: "LOG_FORMAT",
    flag: None,
    placeholder: "",
    default: "text",
    allowed: "text or json",
    meaning: "How a log record is written: text or json",
    echo: Echo::Whole,
};

pub(super) const FAILURE_MODE: Setting = Setting {
    name: "FAILURE_MODE",
    flag: Some("failure-mode"),
    placeholder: "MODE",
    default: "closed",
    allowed: "closed or open",
    meaning: "A request without a decision in time: closed answers 503, open lets it pass",
    echo: Echo::Whole,
};

pub(super) const DECISION_TIMEOUT_MS: Setting = Setting {
    name: "DECISION_TIMEOUT_MS",
    flag: None,
    placeholder: "",
    default: "250",
    allowed: "an integer from 1 to 60000",
    meaning: "How many milliseconds a request waits for its decision",
    echo: Echo::Whole,
};

pub(super) const ERROR_FORMAT: Setting = Setting {
    name: "ERROR_FORMAT",
    flag: None,
    placeholder: "",
    default: "flowguard",
    allowed: "flowguard, openai or anthropic",
    meaning: "Whose form the bodies of FlowGuard's own answers have: flowguard, openai or anthropic",
    echo: Echo::Whole,
};

pub(super) const RATE_LIMIT_HEADERS: Setting = Setting {
    name: "RATE_LIMIT_HEADERS",
    flag: None,
    placeholder: "",
    default: "openai",
    allowed: "off, openai, ietf or both",
    meaning: "Headers that tell a client what it has left: off, openai (x-ratelimit-…), ietf (RateLimit and RateLimit-Policy) or both",
    echo: Echo::Whole,
};

pub(super) const UPSTREAM_RATE_LIMIT_HEADERS: Setting = Setting {
    name: "UPSTREAM_RATE_LIMIT_HEADERS",
    flag: None,
    placeholder: "",
    default: "replace",
    allowed: "replace or rename",
    meaning: "The upstream's own headers of that kind: replace, or rename (they become x-upstream-…)",
    echo: Echo::Whole,
};

pub(super) const ACCEPT_ENCODING: Setting = Setting {
    name: "ACCEPT_ENCODING",
    flag: None,
    placeholder: "",
    default: "drop",
    allowed: "drop or keep",
    meaning: "A request's accept-encoding: drop (the usage in its response can be read) or keep",
    echo: Echo::Whole,
};

pub(super) const ESTIMATE: Setting = Setting {
    name: "ESTIMATE",
    flag: None,
    placeholder: "",
    default: "header",
    allowed: "header or learned",
    meaning: "The tokens that a request reserves: header (x-token-estimate), or learned (at least the recent p90 of the client's use; the header may be missing)",
    echo: Echo::Whole,
};

pub(super) const DEFAULT_ESTIMATE: Setting = Setting {
    name: "DEFAULT_ESTIMATE",
    flag: None,
    placeholder: "",
    default: "1000",
    allowed: "an integer from 0 to 1000000000000",
    meaning: "The tokens that a request without x-token-estimate reserves while nothing is learned, at most the client's limit",
    echo: Echo::Whole,
};

pub(super) const CHARGE_WITHOUT_USAGE: Setting = Setting {
    name: "CHARGE_WITHOUT_USAGE",
    flag: None,
    placeholder: "",
    default: "estimate",
    allowed: FALLBACK_CHARGE,
    meaning: "What a response without usage costs: estimate, request (no tokens) or nothing",
    echo: Echo::Whole,
};

pub(super) const CHARGE_ON_UPSTREAM_FAILURE: Setting = Setting {
    name: "CHARGE_ON_UPSTREAM_FAILURE",
    flag: None,
    placeholder: "",
    default: "request",
    allowed: FALLBACK_CHARGE,
    meaning: "The same when the upstream can't be reached or answers 5xx",
    echo: Echo::Whole,
};

pub(super) const CHARGE_ON_ABORT: Setting = Setting {
    name: "CHARGE_ON_ABORT",
    flag: None,
    placeholder: "",
    default: "known",
    allowed: "known or estimate",
    meaning: "What a response that was cut short costs: known (what it has told by then) or estimate (that, but no less than its estimate)",
    echo: Echo::Whole,
};

pub(super) const UNKNOWN_CLIENTS: Setting = Setting {
    name: "UNKNOWN_CLIENTS",
    flag: None,
    placeholder: "",
    default: "shared",
    allowed: "shared, deny or allow",
    meaning: "A client that is not configured: shared (all of them draw on one pair of buckets), deny (403) or allow (no limit)",
    echo: Echo::Whole,
};

pub(super) const UNKNOWN_CLIENT_RPM: Setting = Setting {
    name: "UNKNOWN_CLIENT_RPM",
    flag: None,
    placeholder: "",
    default: "60",
    allowed: LIMIT,
    meaning: "Requests per minute of the shared pair",
    echo: Echo::Whole,
};

pub(super) const UNKNOWN_CLIENT_TPM: Setting = Setting {
    name: "UNKNOWN_CLIENT_TPM",
    flag: None,
    placeholder: "",
    default: "1000",
    allowed: LIMIT,
    meaning: "Tokens per minute of the shared pair",
    echo: Echo::Whole,
};

pub(super) const CORS_ALLOW_ORIGINS: Setting = Setting {
    name: "CORS_ALLOW_ORIGINS",
    flag: None,
    placeholder: "",
    default: "",
    allowed: "origins such as https://console.example.com, separated by commas, or *",
    meaning: "Origins from which a browser may call the REST API: a list, or *",
    echo: Echo::WithoutSecrets,
};

pub(super) const DEMO_CLIENTS: Setting = Setting {
    name: "DEMO_CLIENTS",
    flag: None,
    placeholder: "",
    default: "true",
    allowed: "true or false",
    meaning: "Whether to add the three demo clients when there is no client",
    echo: Echo::Whole,
};
