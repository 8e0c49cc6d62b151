//! Why a request does not pass, and the words for it that all formats share.

use limiter::Dimension;

use crate::{
    identity::{Unauthenticated, Unidentified},
    request_headers::InvalidHeaders,
    verdict::{Deny, Limit, Refusal, Shortage},
};

/// Why a request does not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Denial {
    /// 400: the headers are missing or wrong.
    InvalidHeaders(InvalidHeaders),
    /// 401, or 403: it is not known who asks.
    Unidentified(Unidentified),
    /// 403: the client is not configured, and such clients are denied.
    UnknownClient,
    /// 429: a limit has been reached.
    Refused(Box<Refusal>),
    /// 503: no decision in time.
    LimiterUnavailable,
}

impl From<Deny> for Denial {
    fn from(deny: Deny) -> Self {
        match deny {
            Deny::Refused(refusal) => Self::Refused(refusal),
            Deny::UnknownClient => Self::UnknownClient,
            Deny::Unidentified(why) => Self::Unidentified(why),
        }
    }
}

impl Denial {
    /// Whether it is carried out in every mode: who asks is no limit.
    pub(crate) fn is_of_identity(&self) -> bool {
        matches!(self, Self::Unidentified(_))
    }

    pub(super) fn status(&self) -> u32 {
        match self {
            Self::InvalidHeaders(_) => 400,
            Self::Unidentified(Unidentified::Unauthenticated(_)) => 401,
            Self::Unidentified(Unidentified::InvalidIdentity) | Self::UnknownClient => 403,
            Self::Refused(_) => 429,
            Self::LimiterUnavailable => 503,
        }
    }

    /// The code, as docs/contract.md has it in section 2.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::InvalidHeaders(InvalidHeaders::NoClientId | InvalidHeaders::NoTokenEstimate) => {
                "missing_header"
            }
            Self::InvalidHeaders(_) => "invalid_header",
            Self::Unidentified(Unidentified::Unauthenticated(why)) => match why {
                Unauthenticated::NoKey
                | Unauthenticated::NoClaim
                | Unauthenticated::NoCertificate => "missing_credential",
                Unauthenticated::SeveralKeys | Unauthenticated::InvalidKey => "invalid_api_key",
            },
            Self::Unidentified(Unidentified::InvalidIdentity) => "invalid_identity",
            Self::UnknownClient => "unknown_client",
            Self::Refused(refusal) => match (refusal.shortage.limit(), &refusal.shortage) {
                (Limit::Own(Dimension::Rpm), _) => "rpm_exceeded",
                (Limit::Own(Dimension::Tpm), _) => "tpm_exceeded",
                (Limit::Named(_), Shortage::Requests(_)) => "request_limit_exceeded",
                (Limit::Named(_), Shortage::Tokens(_)) => "token_limit_exceeded",
                (Limit::Named(_), Shortage::Places { .. }) => "concurrency_exceeded",
            },
            Self::LimiterUnavailable => "limiter_unavailable",
        }
    }

    /// The limit that refused, where it is none of the client's own.
    pub(super) fn limit(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => match refusal.shortage.limit() {
                Limit::Named(name) => Some(name.as_str()),
                Limit::Own(_) => None,
            },
            Self::InvalidHeaders(_)
            | Self::Unidentified(_)
            | Self::UnknownClient
            | Self::LimiterUnavailable => None,
        }
    }

    /// What is wrong, in the words of docs/contract.md.
    pub(super) fn message(&self) -> &'static str {
        match self {
            Self::InvalidHeaders(InvalidHeaders::NoClientId) => "X-Client-ID header is required",
            Self::InvalidHeaders(InvalidHeaders::NoTokenEstimate) => {
                "X-Token-Estimate header is required"
            }
            Self::InvalidHeaders(InvalidHeaders::ClientId) => {
                "X-Client-ID must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ - + | = / ~, but not . or .. alone"
            }
            Self::InvalidHeaders(InvalidHeaders::RepeatedClientId) => {
                "X-Client-ID must be given only once"
            }
            Self::InvalidHeaders(InvalidHeaders::TokenEstimate) => {
                "X-Token-Estimate must be a non-negative integer"
            }
            Self::Unidentified(Unidentified::Unauthenticated(why)) => match why {
                Unauthenticated::NoKey => "An API key is required",
                Unauthenticated::SeveralKeys => "Only one API key may be given",
                Unauthenticated::InvalidKey => "The API key is not valid",
                Unauthenticated::NoClaim => "A token that says who asks is required",
                Unauthenticated::NoCertificate => {
                    "A client certificate that says who asks is required"
                }
            },
            Self::Unidentified(Unidentified::InvalidIdentity) => {
                "The verified identity is no client's"
            }
            Self::UnknownClient => "X-Client-ID is not a configured client",
            Self::Refused(refusal) => match (refusal.shortage.limit(), &refusal.shortage) {
                (Limit::Own(Dimension::Rpm), _) => "Request rate limit exceeded",
                (Limit::Own(Dimension::Tpm), _) => "Token rate limit exceeded",
                (Limit::Named(_), Shortage::Requests(_)) => "Request limit exceeded",
                (Limit::Named(_), Shortage::Tokens(_)) => "Token limit exceeded",
                (Limit::Named(_), Shortage::Places { .. }) => "Concurrency limit exceeded",
            },
            Self::LimiterUnavailable => "The rate limiter did not decide in time",
        }
    }
}
