//! What the control plane decided of one request, and where its client then stands: taken over from
//! the wire here and nowhere else.

use limiter::{Dimension, Wait};
use proto::decision::{self, Decision};

/// A decision that was understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It passes.
    Pass {
        /// Where its client stands.
        standing: Standing,
        /// Its client may need what its end gives back, which is then to be told at once.
        settle_at_once: bool,
        /// The tokens that were charged for it.
        reserved_tokens: u64,
    },
    /// It does not.
    Deny(Deny),
}

/// Why a request does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deny {
    /// A limit has been reached.
    Refused(Refusal),
    /// The client is not configured, and such clients are denied.
    UnknownClient,
}

/// A refusal, with all that a client is told about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The limit that refused.
    pub(crate) limit: Dimension,
    /// What is left of it.
    pub(crate) balance: Balance,
    /// What is left of the other limit; `None` where that is not in force.
    pub(crate) other: Option<Balance>,
    /// When the same request would pass.
    pub(crate) wait: Wait,
    /// What the request asked for.
    pub(crate) requested_tokens: u64,
}

/// What is left of one limit, in whole requests or whole tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Balance {
    /// Per minute; what the full bucket holds.
    pub(crate) limit: u64,
    /// What could be spent now; 0 for a client in debt.
    pub(crate) remaining: u64,
    /// What is missing from the full bucket: more than the limit for a client in debt.
    pub(crate) used: u64,
    /// Milliseconds until the bucket is full, if nobody spends.
    pub(crate) full_in_ms: u64,
}

/// A client's balances; `None` where no limit is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Requests per minute.
    pub(crate) requests: Option<Balance>,
    /// Tokens per minute.
    pub(crate) tokens: Option<Balance>,
}

impl Refusal {
    /// Where the client stands.
    pub(crate) fn standing(&self) -> Standing {
        match self.limit {
            Dimension::Rpm => Standing { requests: Some(self.balance), tokens: self.other },
            Dimension::Tpm => Standing { requests: self.other, tokens: Some(self.balance) },
        }
    }
}

/// A verdict that could not be understood: no control plane of this version sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotUnderstood;

impl TryFrom<&decision::Verdict> for Verdict {
    type Error = NotUnderstood;

    fn try_from(verdict: &decision::Verdict) -> Result<Self, NotUnderstood> {
        let standing = Standing {
            requests: verdict.requests.map(Balance::from),
            tokens: verdict.tokens.map(Balance::from),
        };
        let (limit, balance, other) = match verdict.decision() {
            Decision::Admitted => {
                let &decision::Verdict { settle_at_once, reserved_tokens, .. } = verdict;
                return Ok(Self::Pass { standing, settle_at_once, reserved_tokens });
            }
            Decision::UnknownClient => return Ok(Self::Deny(Deny::UnknownClient)),
            Decision::RpmExceeded => (Dimension::Rpm, standing.requests, standing.tokens),
            Decision::TpmExceeded => (Dimension::Tpm, standing.tokens, standing.requests),
            Decision::Unspecified => return Err(NotUnderstood),
        };
        Ok(Self::Deny(Deny::Refused(Refusal {
            limit,
            balance: balance.ok_or(NotUnderstood)?,
            other,
            wait: match verdict.wait.ok_or(NotUnderstood)? {
                decision::verdict::Wait::RetryAfterMs(wait_ms) => Wait::Millis(wait_ms),
                decision::verdict::Wait::Never(_) => Wait::Never,
            },
            requested_tokens: verdict.reserved_tokens,
        })))
    }
}

impl From<decision::Balance> for Balance {
    fn from(balance: decision::Balance) -> Self {
        let decision::Balance { limit, remaining, full_in_ms, used } = balance;
        Self { limit, remaining, used, full_in_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT: decision::Balance =
        decision::Balance { limit: 10, remaining: 1, full_in_ms: 54_000, used: 9 };
    const REFUSED: decision::Verdict = decision::Verdict {
        id: 1,
        decision: Decision::TpmExceeded as i32,
        wait: Some(decision::verdict::Wait::RetryAfterMs(7)),
        requests: None,
        tokens: Some(LEFT),
        reserved_tokens: 2,
        settle_at_once: false,
        configured: true,
    };

    #[test]
    fn a_refusal_has_the_balance_of_the_limit_that_refused() {
        let balance = Balance { limit: 10, remaining: 1, used: 9, full_in_ms: 54_000 };
        let refusal = Refusal {
            limit: Dimension::Tpm,
            balance,
            other: None,
            wait: Wait::Millis(7),
            requested_tokens: 2,
        };
        assert_eq!(Verdict::try_from(&REFUSED), Ok(Verdict::Deny(Deny::Refused(refusal))));
        assert_eq!(refusal.standing(), Standing { requests: None, tokens: Some(balance) });
        let of_requests = decision::Verdict { decision: Decision::RpmExceeded.into(), ..REFUSED };
        assert_eq!(Verdict::try_from(&of_requests), Err(NotUnderstood), "that of the other limit");
    }

    #[test]
    fn a_refusal_without_a_wait_is_not_understood() {
        let never = Some(decision::verdict::Wait::Never(true));
        let Ok(Verdict::Deny(Deny::Refused(refusal))) =
            Verdict::try_from(&decision::Verdict { wait: never, ..REFUSED })
        else {
            panic!("it is a refusal")
        };
        assert_eq!(refusal.wait, Wait::Never);
        let silent = decision::Verdict { wait: None, ..REFUSED };
        assert_eq!(Verdict::try_from(&silent), Err(NotUnderstood));
    }

    #[test]
    fn a_decision_of_another_version_is_not_understood() {
        for decision in [Decision::Unspecified.into(), 99] {
            let unknown = decision::Verdict { decision, ..REFUSED };
            assert_eq!(Verdict::try_from(&unknown), Err(NotUnderstood), "{decision}");
        }
    }
}
