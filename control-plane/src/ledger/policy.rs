//! What the ledger obeys: what a request reserves, what it costs in the end, and what becomes of ids
//! that are not configured.

use limiter::{PerMinute, Tokens};
/// The filter is told it too: a request without an estimate passes it only where one is learned.
pub use proto::plugin_config::Estimate as EstimateSource;
use proto::plugin_config::Identity;

/// What is charged, besides the limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// By what filters know who asks.
    pub identity: Identity,
    /// What happens to a client id that is not configured.
    pub unknown_clients: UnknownClients,
    /// How many tokens a request reserves.
    pub estimate: EstimatePolicy,
    /// What a request costs in the end, where its response does not say all of it.
    pub charge: ChargePolicy,
    /// When those who are refused are told to come back.
    pub retry_after: RetryAfter,
    /// How long what a worker's requests hold waits for the worker to come back.
    pub resume: ResumePolicy,
}

/// When those who are refused are told to come back.
///
/// It decides nothing: whoever comes when the buckets cover it passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetryAfter {
    /// When it would pass if nobody else asked: all who wait are told the same millisecond.
    #[default]
    Exact,
    /// At a moment of its own, within a minute, where the buckets are its client's alone.
    Spread,
}

/// How long what a worker's requests hold waits for the worker to come back, once it has no stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResumePolicy {
    /// In milliseconds, of the control plane's own time since it is up.
    pub timeout_ms: u64,
}

impl Default for ResumePolicy {
    fn default() -> Self {
        Self { timeout_ms: 60_000 }
    }
}

/// What happens to a client id that is not configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownClients {
    /// All of them together draw on one pair of buckets.
    Shared {
        /// Requests per minute.
        rpm: PerMinute,
        /// Tokens per minute.
        tpm: PerMinute,
    },
    /// Each of them has a pair of buckets of its own: who asks is verified.
    Each {
        /// Requests per minute.
        rpm: PerMinute,
        /// Tokens per minute.
        tpm: PerMinute,
    },
    /// Their requests are answered 403.
    Deny,
    /// They are not limited.
    Allow,
}

impl UnknownClients {
    /// What holds when nothing is said.
    pub const DEFAULT: Self =
        Self::Shared { rpm: PerMinute::of::<60>(), tpm: PerMinute::of::<1_000>() };

    /// The same for each of them.
    pub const DEFAULT_EACH: Self =
        Self::Each { rpm: PerMinute::of::<60>(), tpm: PerMinute::of::<1_000>() };
}

impl Default for UnknownClients {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// How many tokens a request reserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EstimatePolicy {
    /// Where the number comes from.
    pub source: EstimateSource,
    /// What a request reserves when the number comes from nowhere, capped likewise.
    pub default: Tokens,
    /// The tokens that a request which generates some reserves at least, capped at the client's
    /// tokens per minute.
    pub min: Tokens,
}

impl Default for EstimatePolicy {
    fn default() -> Self {
        Self { source: EstimateSource::DEFAULT, default: Tokens::of::<1_000>(), min: Tokens::ZERO }
    }
}

/// What an admitted request costs in the end where its response told no usage, or not all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargePolicy {
    /// For a response that does not tell its usage.
    pub without_usage: WithoutUsageCharge,
    /// For an upstream that could not be reached or answered 5xx.
    pub upstream_failure: FallbackCharge,
    /// For an answer of 3xx or 4xx that does not tell its usage.
    pub upstream_refusal: FallbackCharge,
    /// For a response that was cut short.
    pub abort: AbortCharge,
    /// For a request whose method makes no tokens.
    pub read: ReadCharge,
    /// The most that counts of what was seen to pass in one response.
    pub observed_max: Tokens,
}

impl Default for ChargePolicy {
    fn default() -> Self {
        Self {
            without_usage: WithoutUsageCharge::Observed,
            upstream_failure: FallbackCharge::Request,
            upstream_refusal: FallbackCharge::Request,
            abort: AbortCharge::Observed,
            read: ReadCharge::Request,
            observed_max: Tokens::of::<32_768>(),
        }
    }
}

/// What a response costs that does not tell its usage.
///
/// The client chooses its estimate, and with some APIs whether its stream tells what it used. An
/// estimate of 0 would make such a stream free, were it not for what is seen to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutUsageCharge {
    /// The larger of what was seen to pass and what it reserved.
    Observed,
    /// What it would cost whatever was seen.
    Fixed(FallbackCharge),
}

/// What a response costs that was cut short.
///
/// Anthropic's streams tell the output's tokens after the output: a client that leaves in between
/// has it for nothing, unless that costs its estimate, or what was seen to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbortCharge {
    /// The largest of what it told, what was seen to pass, and what it reserved.
    Observed,
    /// The larger of what it told and what it reserved.
    Estimate,
    /// What it told.
    Known,
}

/// What a request costs whose method makes no tokens: GET, HEAD, DELETE and OPTIONS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadCharge {
    /// One request; the tokens are given back.
    Request,
    /// What any other request would cost.
    Estimate,
}

/// What takes the place of the tokens that a request really used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FallbackCharge {
    /// What it reserved: one request and the estimated tokens.
    Estimate,
    /// One request; the tokens are given back.
    Request,
    /// Nothing: the request is given back too.
    Nothing,
}
