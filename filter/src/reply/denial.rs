//! Why a request does not pass, and the words for it that all formats share.

use limiter::Dimension;

use super::Standing;
use crate::{headers::InvalidHeaders, rate_limit_headers::duration};

/// Why a request does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// 400: the headers are missing or wrong.
    InvalidHeaders(InvalidHeaders),
    /// 403: the client is not configured, and such clients are denied.
    UnknownClient,
    /// 429: a limit has been reached.
    Refused(Refused),
    /// 503: no decision in time.
    LimiterUnavailable,
}

/// A refusal, with all that a client is told about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The limit that refused.
    pub limit: Dimension,
    /// When the same request would pass; `None`: never, it does not fit in a full bucket.
    pub retry_after_ms: Option<u64>,
    /// Where the client stands.
    pub standing: Standing,
    /// What the request asked for.
    pub requested_tokens: u64,
}

impl Denial {
    pub(super) fn status(&self) -> u32 {
        match self {
            Self::InvalidHeaders(_) => 400,
            Self::UnknownClient => 403,
            Self::Refused(_) => 429,
            Self::LimiterUnavailable => 503,
        }
    }

    /// The code of the contract.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::InvalidHeaders(InvalidHeaders::NoClientId | InvalidHeaders::NoTokenEstimate) => {
                "missing_header"
            }
            Self::InvalidHeaders(_) => "invalid_header",
            Self::UnknownClient => "unknown_client",
            Self::Refused(Refused { limit: Dimension::Rpm, .. }) => "rpm_exceeded",
            Self::Refused(Refused { limit: Dimension::Tpm, .. }) => "tpm_exceeded",
            Self::LimiterUnavailable => "limiter_unavailable",
        }
    }

    /// What is wrong, in the words of the contract.
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
            Self::UnknownClient => "X-Client-ID is not a configured client",
            Self::Refused(Refused { limit: Dimension::Rpm, .. }) => "Request rate limit exceeded",
            Self::Refused(Refused { limit: Dimension::Tpm, .. }) => "Token rate limit exceeded",
            Self::LimiterUnavailable => "The rate limiter did not decide in time",
        }
    }

    /// [`Denial::message`], but for a refusal with its figures, in the form that programs which
    /// read OpenAI's messages look for.
    pub(super) fn message_with_figures(&self) -> String {
        match self {
            Self::Refused(refused) => refused.message(),
            _ => self.message().to_owned(),
        }
    }
}

impl Refused {
    fn message(&self) -> String {
        let (limit, balance, requested) = match self.limit {
            Dimension::Rpm => ("requests per min (RPM)", self.standing.requests, 1),
            Dimension::Tpm => ("tokens per min (TPM)", self.standing.tokens, self.requested_tokens),
        };
        match (self.retry_after_ms, balance) {
            (Some(ms), Some(balance)) => format!(
                "Rate limit reached for this client on {limit}: Limit {}, Used {}, Requested \
                 {requested}. Please try again in {}.",
                balance.limit,
                balance.used(),
                duration(ms)
            ),
            (Some(ms), None) => format!(
                "Rate limit reached for this client on {limit}: Requested {requested}. Please try \
                 again in {}.",
                duration(ms)
            ),
            (None, Some(balance)) => format!(
                "Request too large for this client on {limit}: Limit {}, Requested {requested}. No \
                 wait will make it fit.",
                balance.limit
            ),
            (None, None) => format!(
                "Request too large for this client on {limit}: Requested {requested}. No wait will \
                 make it fit."
            ),
        }
    }
}
