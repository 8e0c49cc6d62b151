//! One token bucket: a limit and what is left of it.
//!
//! Capacity is one minute's worth, refill is continuous. Source of the formulas: the token bucket
//! of RFC 2697 section 3 with CIR = limit per minute and CBS = limit.

use crate::{Balance, Limit, Units};

/// How far below zero a charge can take a balance, in capacities.
///
/// Ten minutes of refill: a forged usage figure cannot lock a client out for hours.
pub const DEBT_CAPACITIES_MAX: i64 = 10;

/// What was charged to one bucket, and under which of its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paid {
    units: i64,
    under: Limit,
    revision: u32,
}

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
    /// Counts the limits that were in force, each that differs from the one before.
    revision: u32,
}

impl Bucket {
    pub(crate) fn full(limit: Option<Limit>) -> Self {
        let balance = limit.map_or(Units(0), Limit::capacity);
        Self { limit, balance, in_force: limit.is_some(), revision: 0 }
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
            self.add(limit, limit.units_per_ms().saturating_mul(elapsed_ms));
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

    /// Takes what [`Bucket::coverage`] said is there; nothing where no limit is in force.
    pub(crate) fn charge(&mut self, units: i64) -> Option<Paid> {
        let under = self.limit()?;
        self.balance.0 -= units;
        Some(Paid { units, under, revision: self.revision })
    }

    /// Corrects what was paid to `actual` units: gives the difference back, or charges it further.
    pub(crate) fn settle(&mut self, paid: Paid, actual: i64) {
        let Some(limit) = self.limit else { return };
        let unused = paid.units.saturating_sub(actual);
        if unused < 0 {
            self.charge_further(limit, -unused);
        } else {
            self.add(limit, self.returnable(limit, paid, unused));
        }
    }

    /// What may be given back of `unused` units, so that no write in between gives anything away.
    ///
    /// A balance keeps its share of the capacity when the limit changes, and a debt its tokens. A
    /// charge cannot know which of the two its part of the balance was by then: it gives back the
    /// smaller one. After a second change not even that is sure to be there, and nothing comes back.
    fn returnable(&self, limit: Limit, paid: Paid, unused: i64) -> i64 {
        match self.revision.wrapping_sub(paid.revision) {
            0 => unused,
            1 => unused.min(limit.scaled(unused, paid.under)),
            _ => 0,
        }
    }

    /// Charges what was used beyond what was reserved, down to the floor. A balance that is below
    /// it, since a write lowered the limit, stays where it is.
    fn charge_further(&mut self, limit: Limit, units: i64) {
        let floor = limit.capacity().0.saturating_mul(-DEBT_CAPACITIES_MAX);
        let charged = self.balance.0.saturating_sub(units).max(floor);
        self.balance.0 = self.balance.0.min(charged);
    }

    fn add(&mut self, limit: Limit, units: i64) {
        self.balance.0 = self.balance.0.saturating_add(units).min(limit.capacity().0);
    }

    /// Puts another limit in force. What is left keeps its share of the capacity, so that what was
    /// spent stays spent. A debt keeps its tokens: so many were really used, whatever the limit.
    pub(crate) fn change_limit(&mut self, limit: Option<Limit>) {
        match (self.limit, limit) {
            (_, None) => self.in_force = false,
            (None, Some(_)) => *self = Self::full(limit),
            (Some(before), Some(after)) => {
                self.in_force = true;
                if before != after {
                    self.limit = limit;
                    self.revision = self.revision.wrapping_add(1);
                    if self.balance.0 > 0 {
                        self.balance.0 = after.scaled(self.balance.0, before);
                    }
                }
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
}
