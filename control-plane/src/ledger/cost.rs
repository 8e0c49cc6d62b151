//! What a request costs in the end, by how it ended and what its response told.

use limiter::Tokens;

use super::{
    RequestKind,
    policy::{AbortCharge, ChargePolicy, FallbackCharge, ReadCharge, WithoutUsageCharge},
};

/// What a forwarded request's response was, and told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    /// What became of its response.
    pub outcome: Outcome,
    /// The tokens that it used, when the response told.
    pub told: Option<Tokens>,
    /// The tokens that were seen to pass in a stream; 0 for any other response.
    pub observed: Tokens,
    /// From request to end of response, in microseconds, when that is known.
    pub duration_us: Option<u64>,
}

/// What became of an admitted request's response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It ended as the upstream ended it.
    Completed,
    /// It never began, or was cut short.
    Aborted,
    /// The answer was a 3xx or 4xx.
    UpstreamRefused,
    /// The upstream could not be reached, or answered that it failed.
    UpstreamFailed,
    /// Envoy gave up waiting; the upstream may bill what it had done by then.
    TimedOut,
}

/// What a request costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cost {
    /// One request and so many tokens.
    RequestAnd(Tokens),
    /// Not even the request.
    Nothing,
}

impl Cost {
    const REQUEST: Self = Self::RequestAnd(Tokens::ZERO);

    pub(super) fn tokens(self) -> Tokens {
        match self {
            Self::RequestAnd(tokens) => tokens,
            Self::Nothing => Tokens::ZERO,
        }
    }

    fn fallback(charge: FallbackCharge, reserved: Tokens) -> Self {
        match charge {
            FallbackCharge::Estimate => Self::RequestAnd(reserved),
            FallbackCharge::Request => Self::REQUEST,
            FallbackCharge::Nothing => Self::Nothing,
        }
    }
}

impl Response {
    /// The tokens that the request used, as far as that is known: told, or seen to pass.
    pub(super) fn used(&self, policy: &ChargePolicy) -> Option<Tokens> {
        let observed = Some(self.observed(policy)).filter(|observed| *observed > Tokens::ZERO);
        self.told.or(observed)
    }

    /// What a request that reserved so much costs.
    #[inline]
    pub(super) fn cost(&self, kind: RequestKind, reserved: Tokens, policy: &ChargePolicy) -> Cost {
        let observed = self.observed(policy);
        match (self.outcome, self.told) {
            (Outcome::UpstreamFailed, None) => Cost::fallback(policy.upstream_failure, reserved),
            (Outcome::UpstreamRefused, None) => Cost::fallback(policy.upstream_refusal, reserved),
            (_, None) if makes_no_tokens(kind, observed, policy) => Cost::REQUEST,
            (Outcome::TimedOut, _) => self.at_least(reserved),
            (Outcome::Aborted, told) => match (policy.abort, told) {
                (AbortCharge::Observed, _) => self.at_least(reserved.max(observed)),
                (AbortCharge::Estimate, _) => self.at_least(reserved),
                (AbortCharge::Known, Some(told)) => Cost::RequestAnd(told),
                (AbortCharge::Known, None) => without_usage(reserved, observed, policy),
            },
            (_, Some(told)) => Cost::RequestAnd(told),
            (Outcome::Completed, None) => without_usage(reserved, observed, policy),
        }
    }

    fn at_least(&self, least: Tokens) -> Cost {
        Cost::RequestAnd(self.told.map_or(least, |told| told.max(least)))
    }

    fn observed(&self, policy: &ChargePolicy) -> Tokens {
        self.observed.min(policy.observed_max)
    }
}

/// Whether such a request costs no tokens where its response told of none. One that says of itself
/// that it counts, and then streams text, is believed by its response.
fn makes_no_tokens(kind: RequestKind, observed: Tokens, policy: &ChargePolicy) -> bool {
    match kind {
        RequestKind::Generates => false,
        RequestKind::Reads => policy.read == ReadCharge::Request,
        RequestKind::Counts => observed == Tokens::ZERO,
    }
}

fn without_usage(reserved: Tokens, observed: Tokens, policy: &ChargePolicy) -> Cost {
    match policy.without_usage {
        WithoutUsageCharge::Observed => Cost::RequestAnd(reserved.max(observed)),
        WithoutUsageCharge::Fixed(charge) => Cost::fallback(charge, reserved),
    }
}
