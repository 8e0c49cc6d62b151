//! How many tokens a request is charged, before its response tells how many it used and when the
//! response never does.

use limiter::Tokens;

use super::Word;

/// How many tokens a request reserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EstimatePolicy {
    /// Where the number comes from.
    pub source: Estimate,
    /// What stands in for it when it comes from nowhere, at most the client's tokens per minute.
    pub default: Tokens,
}

/// Where the number of tokens comes from that a request reserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Estimate {
    /// The request's header, which must be there.
    Header,
    /// The larger of the header and what the client's recent requests really used (their 90th
    /// percentile). The header may be missing.
    Learned,
}

impl Word for Estimate {
    const ALL: &[Self] = &[Self::Header, Self::Learned];

    fn word(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Learned => "learned",
        }
    }
}

/// What admitted requests are charged in the end when it is not known what they used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargePolicy {
    /// For a response that does not tell its usage.
    pub without_usage: FallbackCharge,
    /// For an upstream that could not be reached or answered 5xx.
    pub upstream_failure: FallbackCharge,
    /// For a response that was cut short after it told some usage.
    pub abort: AbortCharge,
}

impl Default for ChargePolicy {
    fn default() -> Self {
        Self {
            without_usage: FallbackCharge::Estimate,
            upstream_failure: FallbackCharge::Request,
            abort: AbortCharge::Known,
        }
    }
}

/// What a response costs that was cut short after it told some usage.
///
/// Anthropic's streams tell the output's tokens after the output: a client that leaves in between
/// has it for nothing, unless that costs its estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbortCharge {
    /// What it told.
    Known,
    /// The larger of what it told and what it reserved.
    Estimate,
}

impl Word for AbortCharge {
    const ALL: &[Self] = &[Self::Known, Self::Estimate];

    fn word(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Estimate => "estimate",
        }
    }
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

impl Word for FallbackCharge {
    const ALL: &[Self] = &[Self::Estimate, Self::Request, Self::Nothing];

    fn word(self) -> &'static str {
        match self {
            Self::Estimate => "estimate",
            Self::Request => "request",
            Self::Nothing => "nothing",
        }
    }
}
