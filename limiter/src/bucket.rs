//! One token bucket: what a limit does to a balance.
//!
//! Capacity is one minute's worth, refill is continuous. Source of the formulas: the token bucket
//! of RFC 2697 section 3 with CIR = limit per minute and CBS = limit.

use crate::{Limit, Units};

/// How far below zero a balance can fall, in capacities.
///
/// Ten minutes of refill: a forged usage figure cannot lock a client out for hours.
pub const DEBT_CAPACITIES_MAX: i64 = 10;

/// What can be said of a cost that a balance does not cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coverage {
    Now,
    /// Covered after so many milliseconds of refill.
    InMillis(u64),
    /// More than the bucket can ever hold.
    Never,
}

impl Limit {
    /// The balance after `elapsed_ms` of refill.
    pub(crate) fn refilled(self, balance: Units, elapsed_ms: u64) -> Units {
        let elapsed_ms = i64::try_from(elapsed_ms).unwrap_or(i64::MAX);
        let refill = self.units_per_ms().saturating_mul(elapsed_ms);
        self.clamped(balance.0.saturating_add(refill))
    }

    pub(crate) fn coverage(self, balance: Units, cost: i64) -> Coverage {
        let missing = cost.saturating_sub(balance.0);
        if missing <= 0 {
            Coverage::Now
        } else if cost > self.capacity().0 {
            Coverage::Never
        } else {
            Coverage::InMillis(missing.cast_unsigned().div_ceil(self.per_minute()))
        }
    }

    /// The balance after `units` were given back, or charged when negative.
    pub(crate) fn corrected(self, balance: Units, units: i64) -> Units {
        self.clamped(balance.0.saturating_add(units))
    }

    /// The balance that is the same part of this limit's capacity as `balance` is of `before`'s,
    /// rounded down to the unit so that no change of a limit ever gives something away.
    pub(crate) fn scaled(self, balance: Units, before: Limit) -> Units {
        let scaled = i128::from(balance.0) * i128::from(self.units_per_ms());
        let scaled = scaled.div_euclid(i128::from(before.units_per_ms()));
        self.clamped(i64::try_from(scaled).unwrap_or(i64::MIN))
    }

    fn clamped(self, units: i64) -> Units {
        let capacity = self.capacity().0;
        let floor = capacity.saturating_mul(-DEBT_CAPACITIES_MAX);
        Units(units.clamp(floor, capacity))
    }
}
