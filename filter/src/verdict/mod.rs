//! What the control plane decided of one request, and how little is then left of its limits: taken
//! over from the wire here and nowhere else.

mod limit;

use limiter::{Dimension, Wait};
use proto::decision::{self, Decision, verdict};

use crate::identity::{Unauthenticated, Unidentified};
pub(crate) use limit::{Limit, LimitName, Shortage};

/// A decision that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It passes.
    Pass {
        /// How little is left.
        tightest: Tightest,
        /// Its client may need what its end gives back, which is then to be told at once.
        settle_at_once: bool,
        /// The tokens that were charged for it.
        reserved_tokens: u64,
    },
    /// It does not.
    Deny(Deny),
}

/// Why a request does not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deny {
    /// A limit has been reached.
    Refused(Box<Refusal>),
    /// The client is not configured, and such clients are denied.
    UnknownClient,
    /// It is not known who asks.
    Unidentified(Unidentified),
}

/// A refusal, with all that a client is told about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The limit that refused, or that is named of several.
    pub(crate) shortage: Shortage,
    /// How little is left of all limits.
    pub(crate) tightest: Tightest,
    /// When the same request would pass.
    pub(crate) wait: Wait,
    /// What the request asked for.
    pub(crate) requested_tokens: u64,
}

/// What is left of one limit, in whole requests or whole tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Balance {
    /// The limit's name; `None`: it is the client's own.
    pub(crate) name: Option<LimitName>,
    /// So much in each window.
    pub(crate) limit: u64,
    /// Seconds in the window.
    pub(crate) window_s: u32,
    /// What the full bucket holds.
    pub(crate) burst: u64,
    /// What could be spent now; 0 while something is owed.
    pub(crate) remaining: u64,
    /// What is missing from the full bucket: more than it holds while something is owed.
    pub(crate) used: u64,
    /// Milliseconds until the bucket is full, if nobody spends.
    pub(crate) full_in_ms: u64,
}

/// The limits of a request that have the least left; `None` where none is in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tightest {
    /// Of those of requests.
    pub(crate) requests: Option<Balance>,
    /// Of those of tokens.
    pub(crate) tokens: Option<Balance>,
}

impl Balance {
    /// The limit that it is of: this one, where it is the client's own.
    pub(crate) fn limit_of(&self, own: Dimension) -> Limit<'_> {
        self.name.as_ref().map_or(Limit::Own(own), Limit::Named)
    }
}

/// Seconds in the window of a client's own two limits.
const MINUTE_S: u32 = 60;

/// A verdict that could not be understood: no control plane of this version sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotUnderstood;

impl TryFrom<decision::Verdict> for Verdict {
    type Error = NotUnderstood;

    fn try_from(verdict: decision::Verdict) -> Result<Self, NotUnderstood> {
        let decision = verdict.decision();
        let decision::Verdict { settle_at_once, reserved_tokens, wait, shortage, .. } = verdict;
        let tightest = Tightest {
            requests: verdict.requests.map(Balance::try_from).transpose()?,
            tokens: verdict.tokens.map(Balance::try_from).transpose()?,
        };
        let refused_by = match decision {
            Decision::Admitted => {
                return Ok(Self::Pass { tightest, settle_at_once, reserved_tokens });
            }
            Decision::UnknownClient => return Ok(Self::Deny(Deny::UnknownClient)),
            Decision::Unauthenticated => {
                let why = Unidentified::Unauthenticated(Unauthenticated::InvalidKey);
                return Ok(Self::Deny(Deny::Unidentified(why)));
            }
            Decision::InvalidIdentity => {
                return Ok(Self::Deny(Deny::Unidentified(Unidentified::InvalidIdentity)));
            }
            Decision::RpmExceeded => Some(Dimension::Rpm),
            Decision::TpmExceeded => Some(Dimension::Tpm),
            Decision::LimitExceeded => None,
            Decision::Unspecified => return Err(NotUnderstood),
        };
        let shortage = match (shortage, refused_by) {
            (Some(shortage), _) => Shortage::try_from(shortage)?,
            (None, Some(Dimension::Rpm)) => {
                Shortage::Requests(tightest.requests.clone().ok_or(NotUnderstood)?)
            }
            (None, Some(Dimension::Tpm)) => {
                Shortage::Tokens(tightest.tokens.clone().ok_or(NotUnderstood)?)
            }
            (None, None) => return Err(NotUnderstood),
        };
        let is_that_limit = match (shortage.limit(), refused_by) {
            (Limit::Own(own), Some(decided)) => own == decided,
            (Limit::Named(_), None) => true,
            (Limit::Own(_), None) | (Limit::Named(_), Some(_)) => false,
        };
        if !is_that_limit {
            return Err(NotUnderstood);
        }
        Ok(Self::Deny(Deny::Refused(Box::new(Refusal {
            shortage,
            tightest,
            wait: match wait.ok_or(NotUnderstood)? {
                verdict::Wait::RetryAfterMs(wait_ms) => Wait::Millis(wait_ms),
                verdict::Wait::Never(_) => Wait::Never,
            },
            requested_tokens: reserved_tokens,
        }))))
    }
}

impl TryFrom<verdict::Shortage> for Shortage {
    type Error = NotUnderstood;

    fn try_from(shortage: verdict::Shortage) -> Result<Self, NotUnderstood> {
        Ok(match shortage {
            verdict::Shortage::ShortOfRequests(balance) => Self::Requests(balance.try_into()?),
            verdict::Shortage::ShortOfTokens(balance) => Self::Tokens(balance.try_into()?),
            verdict::Shortage::ShortOfPlaces(decision::Places { name, limit: places }) => {
                Self::Places { name: LimitName::parse(name).ok_or(NotUnderstood)?, places }
            }
        })
    }
}

impl TryFrom<decision::Balance> for Balance {
    type Error = NotUnderstood;

    fn try_from(balance: decision::Balance) -> Result<Self, NotUnderstood> {
        let decision::Balance { limit, remaining, full_in_ms, used, name, .. } = balance;
        let window_s = if balance.window_s == 0 { MINUTE_S } else { balance.window_s };
        let burst = if balance.burst == 0 { limit } else { balance.burst };
        let name =
            if name.is_empty() { None } else { Some(LimitName::parse(name).ok_or(NotUnderstood)?) };
        Ok(Self { name, limit, window_s, burst, remaining, used, full_in_ms })
    }
}

#[cfg(test)]
impl Balance {
    /// What is left of one of a client's own limits.
    pub(crate) const fn own(limit: u64, remaining: u64, used: u64, full_in_ms: u64) -> Self {
        let (name, window_s, burst) = (None, MINUTE_S, limit);
        Self { name, limit, window_s, burst, remaining, used, full_in_ms }
    }

    /// The same of another limit.
    pub(crate) fn named(self, name: &str, window_s: u32) -> Self {
        Self { name: LimitName::parse(name.to_owned()), window_s, ..self }
    }
}

#[cfg(test)]
mod tests;
