//! What the filter is told: the control plane writes it into Envoy's configuration, the filter
//! reads it there.

mod choices;
mod exempt_path;
mod header_name;
mod identity;
mod model_source;

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

pub use choices::{
    AcceptEncoding, ErrorFormat, Estimate, FailureMode, Identity, IdentityCert, Mode, ModelFrom,
    RateLimitHeaders, UpstreamRateLimitHeaders,
};
pub use exempt_path::{ExemptPath, has_one_reading};
pub use header_name::HeaderName;
pub use identity::{IdentityClaim, IdentityHeaders};

/// The filter's configuration as JSON has it, in the order in which it is written. What is left out
/// is the default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PluginConfig {
    /// What the filter does with what was decided.
    pub mode: Mode,
    /// By what it is known who asks; with any other than [`Identity::Header`] the mode is one that
    /// asks.
    pub identity: Identity,
    /// Where a key of [`Identity::ApiKey`] is looked for: [`IdentityHeaders`].
    pub identity_headers: Vec<String>,
    /// The claim of [`Identity::Jwt`] in the metadata of Envoy's filters: an [`IdentityClaim`].
    pub identity_claim: Vec<String>,
    /// What [`Identity::Mtls`] goes by.
    pub identity_cert: IdentityCert,
    /// Whether the upstream sees the key by which a client is known.
    pub keep_credential: bool,
    /// What becomes of a request that has no decision in time.
    pub failure_mode: FailureMode,
    /// How long a request waits for its decision, in [`Self::DECISION_TIMEOUT_MS`].
    pub decision_timeout_ms: u64,
    /// Whose errors the filter's own answers look like.
    pub error_format: ErrorFormat,
    /// Which headers tell a client where it stands.
    pub rate_limit_headers: RateLimitHeaders,
    /// What becomes of an upstream's own ones.
    pub upstream_rate_limit_headers: UpstreamRateLimitHeaders,
    /// What becomes of a request's `accept-encoding`.
    pub accept_encoding: AcceptEncoding,
    /// What a GET, HEAD or OPTIONS reaches without a client and without a decision: each one an
    /// [`ExemptPath`], [`ExemptPath::COUNT_MAX`] at most.
    pub exempt_paths: Vec<String>,
    /// Whether a browser's CORS preflight does so, whatever its path.
    pub exempt_preflight: bool,
    /// Where the tokens come from that a request reserves.
    pub estimate: Estimate,
    /// Where it is read which model a request is for, in the order in which these are tried: one or
    /// more, none twice.
    pub model_from: Vec<ModelFrom>,
    /// The header of [`ModelFrom::Header`]: a [`HeaderName`].
    pub model_header: String,
    /// Whether Envoy's access log is told what became of each request.
    pub access_log: bool,
    /// Envoy's name for the cluster that the control plane is.
    pub cluster: String,
    /// The `:authority` of the decision stream.
    pub authority: String,
}

impl PluginConfig {
    /// How long a request may be made to wait for its decision.
    pub const DECISION_TIMEOUT_MS: RangeInclusive<u64> = 1..=60_000;
}

impl Default for PluginConfig {
    fn default() -> Self {
        Self {
            mode: Mode::DEFAULT,
            identity: Identity::DEFAULT,
            identity_headers: IdentityHeaders::default().names(),
            identity_claim: IdentityClaim::default().segments().to_vec(),
            identity_cert: IdentityCert::DEFAULT,
            keep_credential: false,
            failure_mode: FailureMode::DEFAULT,
            decision_timeout_ms: 250,
            error_format: ErrorFormat::DEFAULT,
            rate_limit_headers: RateLimitHeaders::DEFAULT,
            upstream_rate_limit_headers: UpstreamRateLimitHeaders::DEFAULT,
            accept_encoding: AcceptEncoding::DEFAULT,
            exempt_paths: Vec::new(),
            exempt_preflight: false,
            estimate: Estimate::DEFAULT,
            model_from: vec![ModelFrom::DEFAULT],
            model_header: "x-model".into(),
            access_log: false,
            cluster: "flowguard_decisions".into(),
            authority: "flowguard-decisions".into(),
        }
    }
}
