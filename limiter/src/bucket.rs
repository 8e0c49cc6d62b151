//! One token bucket: a limit and what is left of it.
//!
//! Capacity is one minute's worth, refill is continuous. Source of the formulas: the token bucket
//! of RFC 2697 section 3 with CIR = limit per minute and CBS = limit.

use crate::{Balance, Limit, Units};

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

/// A bucket is there also while its limit is not in force: it refills and is charged nothing, and
/// goes on where it was when the limit comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// The last one that was in force; `None` when there never was any.
    limit: Option<Limit>,
    balance: Units,
    in_force: bool,
}

impl Bucket {
    pub(crate) fn full(limit: Option<Limit>) -> Self {
        let balance = limit.map_or(Units(0), Limit::capacity);
        Self { limit, balance, in_force: limit.is_some() }
    }

    /// The limit in force.
    pub(crate) fn limit(&self) -> Option<Limit> {
        self.limit.filter(|_| self.in_force)
    }

    /// What is left, when the limit is in force.
    pub(crate) fn standing(&self) -> Option<Balance> {
        let limit = self.limit()?;
        let missing = limit.capacity().0.saturating_sub(self.balance.0).max(0);
        let full_in_ms = missing.cast_unsigned().div_ceil(limit.per_minute());
        Some(Balance { limit, left: self.balance, full_in_ms })
    }

    pub(crate) fn refill(&mut self, elapsed_ms: u64) {
        if let Some(limit) = self.limit {
            let elapsed_ms = i64::try_from(elapsed_ms).unwrap_or(i64::MAX);
            let refill = limit.units_per_ms().saturating_mul(elapsed_ms);
            self.balance = limit.clamped(self.balance.0.saturating_add(refill));
        }
    }

    pub(crate) fn coverage(&self, cost: i64) -> Coverage {
        let Some(limit) = self.limit() else { return Coverage::Now };
        let missing = cost.saturating_sub(self.balance.0);
        if missing <= 0 {
            Coverage::Now
        } else if cost > limit.capacity().0 {
            Coverage::Never
        } else {
            Coverage::InMillis(missing.cast_unsigned().div_ceil(limit.per_minute()))
        }
    }

    /// Takes what [`Bucket::coverage`] said is there.
    pub(crate) fn charge(&mut self, units: i64) {
        self.balance.0 -= units;
    }

    /// Gives back units that were charged `under` a limit, or charges further ones when negative.
    /// They are scaled as the balance was that they were taken from.
    pub(crate) fn give_back(&mut self, units: i64, under: Limit) {
        if let Some(limit) = self.limit {
            let units = limit.scaled(units, under);
            self.balance = limit.clamped(self.balance.0.saturating_add(units));
        }
    }

    pub(crate) fn change_limit(&mut self, limit: Option<Limit>) {
        match (self.limit, limit) {
            (_, None) => self.in_force = false,
            (None, Some(_)) => *self = Self::full(limit),
            (Some(before), Some(after)) => {
                let balance = after.clamped(after.scaled(self.balance.0, before));
                *self = Self { limit, balance, in_force: true };
            }
        }
    }
}

impl Limit {
    /// The same part of this limit's capacity as `units` is of `before`'s, rounded down to the unit
    /// so that no change of a limit ever gives something away.
    fn scaled(self, units: i64, before: Limit) -> i64 {
        let scaled = i128::from(units) * i128::from(self.units_per_ms());
        let scaled = scaled.div_euclid(i128::from(before.units_per_ms()));
        i64::try_from(scaled).unwrap_or(if units < 0 { i64::MIN } else { i64::MAX })
    }

    fn clamped(self, units: i64) -> Units {
        let capacity = self.capacity().0;
        let floor = capacity.saturating_mul(-DEBT_CAPACITIES_MAX);
        Units(units.clamp(floor, capacity))
    }
}
