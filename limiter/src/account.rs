//! One client's balances, and the decision over both of its limits at once.

use crate::{
    Limit, Tokens, Units, UnixMillis,
    bucket::Coverage::{InMillis, Never, Now},
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

/// What an admitted request was charged. Not `Clone`: it is settled or released once.
#[derive(Debug, PartialEq, Eq)]
pub struct Charge {
    // None where no such limit was in force, so that nothing is given back that was never paid.
    requests: Option<Units>,
    tokens: Option<Tokens>,
}

impl Charge {
    /// What a request pays that no limit is in force for.
    pub const NOTHING: Self = Self { requests: None, tokens: None };
}

/// A client's two balances. Which limits they stand under is the caller's to say, the same ones
/// at each call until [`Account::change_limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    requests: Units,
    tokens: Units,
    refilled_at: UnixMillis,
}

impl Account {
    /// An account that has spent nothing.
    pub fn full(limits: &Limits, now: UnixMillis) -> Self {
        Self {
            requests: limits.rpm.map_or(Units(0), Limit::capacity),
            tokens: limits.tpm.map_or(Units(0), Limit::capacity),
            refilled_at: now,
        }
    }

    /// Decides over one request and `tokens` tokens: all limits admit and all are charged, or
    /// none is charged.
    pub fn decide(&mut self, limits: &Limits, tokens: Tokens, now: UnixMillis) -> Decision {
        self.refill(limits, now);
        let rpm = limits.rpm.map_or(Now, |rpm| rpm.coverage(self.requests, Units::ONE.0));
        let tpm = limits.tpm.map_or(Now, |tpm| tpm.coverage(self.tokens, tokens.units()));

        // A wait that ends in a refusal would mislead: what never fits is told before any wait.
        let refused = |limit, wait_ms| {
            let at = UnixMillis(self.refilled_at.0.saturating_add(wait_ms));
            Decision::Refused(Refusal::RetryAt { limit, at })
        };
        match (rpm, tpm) {
            (Never, _) => Decision::Refused(Refusal::NeverFits { limit: Dimension::Rpm }),
            (_, Never) => Decision::Refused(Refusal::NeverFits { limit: Dimension::Tpm }),
            (InMillis(rpm_ms), InMillis(tpm_ms)) => refused(Dimension::Rpm, rpm_ms.max(tpm_ms)),
            (InMillis(wait_ms), Now) => refused(Dimension::Rpm, wait_ms),
            (Now, InMillis(wait_ms)) => refused(Dimension::Tpm, wait_ms),
            (Now, Now) => Decision::Admitted(self.charge(limits, tokens)),
        }
    }

    /// Corrects an admitted request's charge to the tokens that it really used: the difference is
    /// given back, or charged further even into debt.
    #[expect(clippy::needless_pass_by_value, reason = "a charge that was taken is not used twice")]
    pub fn settle(&mut self, limits: &Limits, charge: Charge, actual: Tokens, now: UnixMillis) {
        self.refill(limits, now);
        if let (Some(tpm), Some(charged)) = (limits.tpm, charge.tokens) {
            self.tokens = tpm.corrected(self.tokens, charged.units() - actual.units());
        }
    }

    /// Gives a whole charge back, for a request that was never forwarded.
    #[expect(clippy::needless_pass_by_value, reason = "a charge that was taken is not used twice")]
    pub fn release(&mut self, limits: &Limits, charge: Charge, now: UnixMillis) {
        self.refill(limits, now);
        if let (Some(rpm), Some(charged)) = (limits.rpm, charge.requests) {
            self.requests = rpm.corrected(self.requests, charged.0);
        }
        if let (Some(tpm), Some(charged)) = (limits.tpm, charge.tokens) {
            self.tokens = tpm.corrected(self.tokens, charged.units());
        }
    }

    /// Puts other limits in force. Each balance stays the same part of its capacity, so that what
    /// was spent stays spent; a limit that was not there before starts full.
    pub fn change_limits(&mut self, before: &Limits, after: &Limits, now: UnixMillis) {
        self.refill(before, now);
        self.requests = rescaled(self.requests, before.rpm, after.rpm);
        self.tokens = rescaled(self.tokens, before.tpm, after.tpm);
    }

    /// The balance of `limit` at `now`, `None` when there is no such limit.
    pub fn balance(&self, limits: &Limits, limit: Dimension, now: UnixMillis) -> Option<Units> {
        let elapsed_ms = now.0.saturating_sub(self.refilled_at.0);
        let (limit, balance) = match limit {
            Dimension::Rpm => (limits.rpm, self.requests),
            Dimension::Tpm => (limits.tpm, self.tokens),
        };
        limit.map(|limit| limit.refilled(balance, elapsed_ms))
    }

    fn charge(&mut self, limits: &Limits, tokens: Tokens) -> Charge {
        if limits.rpm.is_some() {
            self.requests.0 -= Units::ONE.0;
        }
        if limits.tpm.is_some() {
            self.tokens.0 -= tokens.units();
        }
        Charge { requests: limits.rpm.map(|_| Units::ONE), tokens: limits.tpm.map(|_| tokens) }
    }

    /// Time that goes backward adds nothing, and is not paid out again when it comes back.
    fn refill(&mut self, limits: &Limits, now: UnixMillis) {
        let elapsed_ms = now.0.saturating_sub(self.refilled_at.0);
        if elapsed_ms == 0 {
            return;
        }
        if let Some(rpm) = limits.rpm {
            self.requests = rpm.refilled(self.requests, elapsed_ms);
        }
        if let Some(tpm) = limits.tpm {
            self.tokens = tpm.refilled(self.tokens, elapsed_ms);
        }
        self.refilled_at = now;
    }
}

fn rescaled(balance: Units, before: Option<Limit>, after: Option<Limit>) -> Units {
    match (before, after) {
        (Some(before), Some(after)) => after.scaled(balance, before),
        (None, Some(after)) => after.capacity(),
        (_, None) => Units(0),
    }
}
