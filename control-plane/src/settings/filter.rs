//! What the filter is told: each setting here is a key of its configuration.

use std::time::Duration;

use super::{ExemptPath, Word};

/// The settings that the filter follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterSettings {
    /// What happens to a request that has no decision in time.
    pub failure_mode: FailureMode,
    /// How long a request waits for its decision: 1 ms to 60 s.
    pub decision_timeout: Duration,
    /// How its own answers are written.
    pub error_format: ErrorFormat,
    /// Which headers tell a client where it stands.
    pub rate_limit_headers: RateLimitHeaders,
    /// What becomes of the upstream's headers of the same names.
    pub upstream_rate_limit_headers: UpstreamRateLimitHeaders,
    /// What becomes of a request's `accept-encoding`.
    pub accept_encoding: AcceptEncoding,
    /// What a GET, HEAD or OPTIONS reaches without the two headers and without a decision.
    pub exempt_paths: Vec<ExemptPath>,
    /// Whether a browser's CORS preflight does so, whatever its path.
    pub exempt_preflight: bool,
}

/// What the filter does with a request that has no decision in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureMode {
    /// It is answered 503.
    Closed,
    /// It passes unlimited.
    Open,
}

impl Word for FailureMode {
    const ALL: &[Self] = &[Self::Closed, Self::Open];

    fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
        }
    }
}

/// What the filter does with a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterMode {
    /// A refused request is answered 429.
    Enforce,
    /// Decisions are asked for and counted; every request passes.
    Shadow,
    /// No decision is asked for; only the headers are checked.
    Off,
}

impl Word for FilterMode {
    const ALL: &[Self] = &[Self::Enforce, Self::Shadow, Self::Off];

    fn word(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Shadow => "shadow",
            Self::Off => "off",
        }
    }
}

/// How the body of the filter's own answers is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorFormat {
    /// `{"error":"…","message":"…"}`.
    Flowguard,
    /// As the OpenAI API writes its errors.
    Openai,
    /// As the Anthropic API writes its errors.
    Anthropic,
    /// As the API that the request is for writes its errors; as `flowguard` where that is unknown.
    Auto,
}

impl Word for ErrorFormat {
    const ALL: &[Self] = &[Self::Flowguard, Self::Openai, Self::Anthropic, Self::Auto];

    fn word(self) -> &'static str {
        match self {
            Self::Flowguard => "flowguard",
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
            Self::Auto => "auto",
        }
    }
}

/// Which headers of a response tell the client what it has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimitHeaders {
    /// None.
    Off,
    /// The six `x-ratelimit-…` of the OpenAI API.
    Openai,
    /// `RateLimit` and `RateLimit-Policy`, as the IETF drafts them.
    Ietf,
    /// Those of OpenAI and those of the IETF.
    Both,
}

impl Word for RateLimitHeaders {
    const ALL: &[Self] = &[Self::Off, Self::Openai, Self::Ietf, Self::Both];

    fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Openai => "openai",
            Self::Ietf => "ietf",
            Self::Both => "both",
        }
    }
}

/// What becomes of the headers in which an upstream tells its own limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamRateLimitHeaders {
    /// The client sees those of the filter in their place.
    Replace,
    /// The client sees them too, each as `x-upstream-…`.
    Rename,
}

impl Word for UpstreamRateLimitHeaders {
    const ALL: &[Self] = &[Self::Replace, Self::Rename];

    fn word(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Rename => "rename",
        }
    }
}

/// What becomes of the `accept-encoding` of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptEncoding {
    /// It is taken off, so that the response comes uncompressed and its usage can be read.
    Drop,
    /// It goes on to the upstream.
    Keep,
}

impl Word for AcceptEncoding {
    const ALL: &[Self] = &[Self::Drop, Self::Keep];

    fn word(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Keep => "keep",
        }
    }
}
