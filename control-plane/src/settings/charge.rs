//! How many tokens a request is charged, before its response tells how many it used and when the
//! response never does.

use super::Word;

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

/// What admitted requests are charged in the end when nothing tells what they used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargePolicy {
    /// For a response that does not tell its usage.
    pub without_usage: FallbackCharge,
    /// For an upstream that could not be reached or answered 5xx.
    pub upstream_failure: FallbackCharge,
}

impl Default for ChargePolicy {
    fn default() -> Self {
        Self { without_usage: FallbackCharge::Estimate, upstream_failure: FallbackCharge::Request }
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
