//! What is left of a bucket, as it is told.

use crate::Quota;

/// What is left of one bucket at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    pub(crate) quota: Quota,
    pub(crate) whole: i64,
    pub(crate) rest: u32,
    /// Milliseconds until refill goes on, after the clock was set back.
    pub(crate) stands_for_ms: u64,
}

impl Balance {
    /// The quota in force.
    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// The quota's amount: so much per window.
    pub fn limit(&self) -> u64 {
        self.quota.amount()
    }

    /// Whole tokens that could be spent now, never below 0.
    pub fn remaining(&self) -> u64 {
        u64::try_from(self.whole).unwrap_or(0)
    }

    /// Whole tokens that are owed, rounded up; 0 without a debt.
    pub fn owed(&self) -> u64 {
        u64::try_from(-self.whole).unwrap_or(0)
    }

    /// Whole tokens that are missing from the full bucket: more than the burst when in debt.
    pub fn used(&self) -> u64 {
        (self.quota.burst() - self.remaining()) + self.owed()
    }

    /// Whole tokens, rounded down: -1 as soon as anything is owed.
    pub fn whole(&self) -> i64 {
        self.whole
    }

    /// What there is beyond the whole tokens, in parts of a token of which each window has as many
    /// as milliseconds. Both together are the balance, exactly.
    pub fn rest(&self) -> u32 {
        self.rest
    }

    /// All of it in tokens, as near as a float can be; negative when in debt.
    #[expect(clippy::cast_precision_loss, reason = "metrics are floats")]
    pub fn tokens(&self) -> f64 {
        self.units() as f64 / self.quota.window().millis() as f64
    }

    /// Milliseconds until the bucket is full, if nobody spends.
    pub fn full_in_ms(&self) -> u64 {
        self.ms_until(self.quota.burst())
    }

    /// Milliseconds until so many tokens are there, if nobody spends.
    pub(crate) fn ms_until(&self, tokens: u64) -> u64 {
        if self.whole >= tokens.cast_signed() {
            return 0;
        }
        let missing = self.quota.units(tokens) - self.units();
        self.quota.refill_ms(missing).saturating_add(self.stands_for_ms)
    }

    fn units(&self) -> i128 {
        self.quota.balance_units(self.whole, self.rest)
    }
}
