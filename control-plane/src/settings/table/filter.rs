//! Settings of what the filter does with a request and its response.

use proto::plugin_config::{
    AcceptEncoding, ErrorFormat, FailureMode, RateLimitHeaders, UpstreamRateLimitHeaders,
};

use super::{Echo, Setting, VARIABLE};

pub(in crate::settings) const FAILURE_MODE: Setting = Setting {
    name: "FAILURE_MODE",
    flag: Some("failure-mode"),
    placeholder: "MODE",
    default: FailureMode::DEFAULT.word(),
    allowed: "closed or open",
    meaning: "A request without a decision in time: closed answers 503, open lets it pass",
    echo: Echo::Whole,
};

pub(in crate::settings) const DECISION_TIMEOUT_MS: Setting = Setting {
    name: "DECISION_TIMEOUT_MS",
    default: "250",
    allowed: "an integer from 1 to 60000",
    meaning: "How many milliseconds a request waits for its decision",
    ..VARIABLE
};

pub(in crate::settings) const ERROR_FORMAT: Setting = Setting {
    name: "ERROR_FORMAT",
    default: ErrorFormat::DEFAULT.word(),
    allowed: "flowguard, openai, anthropic or auto",
    meaning: "Whose form the bodies of FlowGuard's own answers have: flowguard, openai, anthropic, or auto (that of the API which the request is for)",
    ..VARIABLE
};

pub(in crate::settings) const RATE_LIMIT_HEADERS: Setting = Setting {
    name: "RATE_LIMIT_HEADERS",
    default: RateLimitHeaders::DEFAULT.word(),
    allowed: "off, openai, ietf or both",
    meaning: "Headers that tell a client what it has left: off, openai (x-ratelimit-…), ietf (RateLimit and RateLimit-Policy) or both",
    ..VARIABLE
};

pub(in crate::settings) const UPSTREAM_RATE_LIMIT_HEADERS: Setting = Setting {
    name: "UPSTREAM_RATE_LIMIT_HEADERS",
    default: UpstreamRateLimitHeaders::DEFAULT.word(),
    allowed: "replace or rename",
    meaning: "The upstream's own headers of that kind: replace, or rename (they become x-upstream-…)",
    ..VARIABLE
};

pub(in crate::settings) const ACCEPT_ENCODING: Setting = Setting {
    name: "ACCEPT_ENCODING",
    default: AcceptEncoding::DEFAULT.word(),
    allowed: "drop or keep",
    meaning: "A request's accept-encoding: drop (the usage in its response can be read) or keep",
    ..VARIABLE
};

pub(in crate::settings) const EXEMPT_PATHS: Setting = Setting {
    name: "EXEMPT_PATHS",
    default: "",
    allowed: "up to 64 paths such as /healthz or /static/*, of at most 1024 bytes, separated by commas, without % ? # ; \\ // and segments . or ..",
    meaning: "Paths that a GET, HEAD or OPTIONS reaches without the two headers and without being limited",
    ..VARIABLE
};

pub(in crate::settings) const EXEMPT_PREFLIGHT: Setting = Setting {
    name: "EXEMPT_PREFLIGHT",
    default: "false",
    allowed: "true or false",
    meaning: "Whether a browser's CORS preflight passes without the two headers and without being limited",
    ..VARIABLE
};
