//! The words of the ledger's policy.

use limiter::PerMinute;

use super::Word;
use crate::ledger::{
    AbortCharge, EstimateSource, FallbackCharge, ReadCharge, UnknownClients, WithoutUsageCharge,
};

/// The policy that is written so, with these limits where it has any.
pub(super) fn unknown_clients(
    text: &str,
    rpm: PerMinute,
    tpm: PerMinute,
) -> Option<UnknownClients> {
    [UnknownClients::Shared { rpm, tpm }, UnknownClients::Deny, UnknownClients::Allow]
        .into_iter()
        .find(|policy| unknown_clients_word(*policy) == text)
}

/// The policy as the operator writes it.
pub(super) fn unknown_clients_word(policy: UnknownClients) -> &'static str {
    match policy {
        UnknownClients::Shared { .. } => "shared",
        UnknownClients::Deny => "deny",
        UnknownClients::Allow => "allow",
    }
}

impl Word for EstimateSource {
    const ALL: &[Self] = &[Self::Header, Self::Learned];

    fn word(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Learned => "learned",
        }
    }
}

impl Word for WithoutUsageCharge {
    const ALL: &[Self] = &[
        Self::Observed,
        Self::Fixed(FallbackCharge::Estimate),
        Self::Fixed(FallbackCharge::Request),
        Self::Fixed(FallbackCharge::Nothing),
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Fixed(charge) => charge.word(),
        }
    }
}

impl Word for AbortCharge {
    const ALL: &[Self] = &[Self::Observed, Self::Estimate, Self::Known];

    fn word(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Estimate => "estimate",
            Self::Known => "known",
        }
    }
}

impl Word for ReadCharge {
    const ALL: &[Self] = &[Self::Request, Self::Estimate];

    fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Estimate => "estimate",
        }
    }
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
