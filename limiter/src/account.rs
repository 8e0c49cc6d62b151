//! One client's balances, and the decision over both of its limits at once.

use crate::{
    Limit, Tokens, Units, UnixMillis,
    bucket::{
        Bucket,
        Coverage::{InMillis, Never, Now},
        Paid,
    },
};

/// What a client is limited to; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Requests per minute.
    pub rpm: Option<Limit>,
    /// Tokens per minute.
    pub tpm: Option<Limit>,
}

/// Which of the two limits is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// Requests per minute.
    Rpm,
    /// Tokens per minute.
    Tpm,
}

/// The answer to one request.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// Both limits admit it, and both were charged.
    Admitted(Charge),
    /// At least one limit refuses it, and nothing was charged.
    Refused(Refusal),
}

/// One limit in force and what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// The limit.
    pub limit: Limit,
    /// What is left; negative when in debt.
    pub left: Units,
    /// Milliseconds until the bucket is full, if nobody spends.
    pub full_in_ms: u64,
}

/// Where an account stands at one moment; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Requests per minute.
    pub requests: Option<Balance>,
    /// Tokens per minute.
    pub tokens: Option<Balance>,
}

/// Why not, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The same request passes at `at`, and not a millisecond earlier, if nobody else spends.
    RetryAt {
        /// The first limit that refused, RPM before TPM.
        limit: Dimension,
        /// When both limits will admit it.
        at: UnixMillis,
    },
    /// The request costs more than the bucket holds when full: waiting is pointless.
    NeverFits {
        /// The limit that it never fits.
        limit: Dimension,
    },
}

impl Refusal {
    /// The limit that the refusal names.
    pub fn limit(self) -> Dimension {
        match self {
            Self::RetryAt { limit, .. } | Self::NeverFits { limit } => limit,
        }
    }
}

/// What an admitted request was charged; `None` where no limit was in force, so that nothing is
/// given back that was never paid. Not `Clone`: it is settled or released once.
#[derive(Debug, PartialEq, Eq)]
pub struct Charge {
    requests: Option<Paid>,
    tokens: Option<Paid>,
}

impl Charge {
    /// What a request pays that no limit is in force for.
    pub const NOTHING: Self = Self { requests: None, tokens: None };
}

/// A client's limits and what is left of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    requests: Bucket,
    tokens: Bucket,
    refilled_at: UnixMillis,
}

impl Account {
    /// An account that has spent nothing.
    pub fn full(limits: &Limits, now: UnixMillis) -> Self {
        Self {
            requests: Bucket::full(limits.rpm),
            tokens: Bucket::full(limits.tpm),
            refilled_at: now,
        }
    }

    /// The limits in force.
    pub fn limits(&self) -> Limits {
        Limits { rpm: self.requests.limit(), tpm: self.tokens.limit() }
    }

    /// Decides over one request and `tokens` tokens: all limits admit and all are charged, or
    /// none is charged.
    pub fn decide(&mut self, tokens: Tokens, now: UnixMillis) -> Decision {
        self.refill(now);
        let (request, tokens) = (Units::ONE.0, tokens.units());

        // A wait that ends in a refusal would mislead: what never fits is told before any wait.
        let refused = |limit, wait_ms| {
            let at = UnixMillis(self.refilled_at.0.saturating_add(wait_ms));
            Decision::Refused(Refusal::RetryAt { limit, at })
        };
        match (self.requests.coverage(request), self.tokens.coverage(tokens)) {
            (Never, _) => Decision::Refused(Refusal::NeverFits { limit: Dimension::Rpm }),
            (_, Never) => Decision::Refused(Refusal::NeverFits { limit: Dimension::Tpm }),
            (InMillis(rpm_ms), InMillis(tpm_ms)) => refused(Dimension::Rpm, rpm_ms.max(tpm_ms)),
            (InMillis(wait_ms), Now) => refused(Dimension::Rpm, wait_ms),
            (Now, InMillis(wait_ms)) => refused(Dimension::Tpm, wait_ms),
            (Now, Now) => Decision::Admitted(Charge {
                requests: self.requests.charge(request),
                tokens: self.tokens.charge(tokens),
            }),
        }
    }

    /// Corrects an admitted request's charge to the tokens that it really used: the difference is
    /// given back, or charged further even into debt.
    #[expect(clippy::needless_pass_by_value, reason = "a charge that was taken is not used twice")]
    pub fn settle(&mut self, charge: Charge, actual: Tokens, now: UnixMillis) {
        self.refill(now);
        if let Some(paid) = charge.tokens {
            self.tokens.settle(paid, actual.units());
        }
    }

    /// Gives a whole charge back, for a request that was never forwarded.
    #[expect(clippy::needless_pass_by_value, reason = "a charge that was taken is not used twice")]
    pub fn release(&mut self, charge: Charge, now: UnixMillis) {
        self.refill(now);
        if let Some(paid) = charge.requests {
            self.requests.settle(paid, 0);
        }
        if let Some(paid) = charge.tokens {
            self.tokens.settle(paid, 0);
        }
    }

    /// Puts other limits in force. What is left stays the same part of its capacity, so that what
    /// was spent stays spent, also when a limit is taken away and comes back; a debt stays so many
    /// tokens. A limit that was never there starts full.
    pub fn change_limits(&mut self, limits: &Limits, now: UnixMillis) {
        self.refill(now);
        self.requests.change_limit(limits.rpm);
        self.tokens.change_limit(limits.tpm);
    }

    /// What is left of both limits at `now`.
    pub fn standing(&self, now: UnixMillis) -> Standing {
        let mut then = *self;
        then.refill(now);
        Standing { requests: then.requests.standing(), tokens: then.tokens.standing() }
    }

    /// Time that goes backward adds nothing, and is not paid out again when it comes back.
    fn refill(&mut self, now: UnixMillis) {
        let elapsed_ms = now.0.saturating_sub(self.refilled_at.0);
        if elapsed_ms > 0 {
            self.requests.refill(elapsed_ms);
            self.tokens.refill(elapsed_ms);
            self.refilled_at = now;
        }
    }
}
