//! What the decision stream's values are called, in metrics and in Envoy's access log.

use crate::{
    decision::{IdentityKind, Mode, Outcome, UsageSource},
    plugin_config,
};

impl Mode {
    /// As the filter's configuration has it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Enforce => plugin_config::Mode::Enforce.word(),
            Self::Shadow => plugin_config::Mode::Shadow.word(),
        }
    }
}

impl IdentityKind {
    /// As the filter's configuration has it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Header => plugin_config::Identity::Header.word(),
            Self::ApiKey => plugin_config::Identity::ApiKey.word(),
            Self::Jwt => plugin_config::Identity::Jwt.word(),
            Self::Mtls => plugin_config::Identity::Mtls.word(),
        }
    }
}

impl From<plugin_config::Identity> for IdentityKind {
    fn from(identity: plugin_config::Identity) -> Self {
        match identity {
            plugin_config::Identity::Header => Self::Header,
            plugin_config::Identity::ApiKey => Self::ApiKey,
            plugin_config::Identity::Jwt => Self::Jwt,
            plugin_config::Identity::Mtls => Self::Mtls,
        }
    }
}

impl Outcome {
    /// How a request ended.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Aborted | Self::Unspecified => "aborted",
            Self::UpstreamFailed => "upstream_failed",
            Self::UpstreamRefused => "upstream_refused",
            Self::TimedOut => "timed_out",
        }
    }
}

impl UsageSource {
    /// Every source; they are numbered without a gap.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..).map_while(|number| Self::try_from(number).ok())
    }

    /// Where a response's usage was found.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Encoded => "encoded",
            Self::Observed => "observed",
            Self::Completions => "completions",
            Self::Responses => "responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Bedrock => "bedrock",
            Self::Ollama => "ollama",
            Self::Cohere => "cohere",
            Self::WorkersAi => "workers_ai",
        }
    }
}
