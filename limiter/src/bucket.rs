//! One token bucket: a quota and what is left of it.
//!
//! Refill is continuous. Source of the formulas: the token bucket of RFC 2697 section 3 with CIR =
//! amount per window and CBS = burst.
//!
//! **Units.** What is left is counted in parts of a token, and a token has as many of them as its
//! window has milliseconds. An amount of N per window then refills exactly N units a millisecond,
//! for every window, so that no refill is ever rounded. The widest product below, a share of a
//! balance, stays under 2^112.

use core::num::NonZeroU64;

use crate::{Balance, ImpossibleLevel, Level, Quota, Tokens, UnixMillis, Wait};

/// A quota and what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    quota: Quota,
    refilled_at: UnixMillis,
    /// Whole tokens, rounded down; negative when in debt.
    whole: i64,
    /// What is left beyond them: units, less than make a token.
    rest: u32,
    /// Raised with each change to a different quota.
    revision: u32,
}

/// No balance is further from 0, in whole tokens: a window of a second can owe ten minutes of the
/// largest amount, and a change of the quota keeps a debt's tokens.
const WHOLE_MAX: i64 = 1 << 50;

/// A client has several, and there are a million clients.
const _: () = assert!(size_of::<Option<Bucket>>() <= 40);

/// What one bucket was charged for a request. Plain data, which can be kept and written down; who
/// keeps it sees to it that it is settled once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    tokens: Tokens,
    /// The bucket's burst and revision when it was charged.
    burst: NonZeroU64,
    revision: u32,
}

/// Every open request has one for each of its buckets.
const _: () = assert!(size_of::<Option<Charge>>() <= 24);

impl Charge {
    /// The charge that was written down as these.
    pub fn of(tokens: Tokens, burst: NonZeroU64, revision: u32) -> Self {
        Self { tokens, burst, revision }
    }

    /// What was taken.
    pub fn tokens(&self) -> Tokens {
        self.tokens
    }

    /// The bucket's burst when it was charged.
    pub fn burst(&self) -> NonZeroU64 {
        self.burst
    }

    /// The bucket's revision when it was charged.
    pub fn revision(&self) -> u32 {
        self.revision
    }
}

impl Bucket {
    /// A bucket that nothing was taken from.
    pub fn full(quota: Quota, now: UnixMillis) -> Self {
        let whole = quota.burst().cast_signed();
        Self { quota, refilled_at: now, whole, rest: 0, revision: 0 }
    }

    /// The bucket that was at `level`.
    pub fn at(level: Level) -> Result<Self, ImpossibleLevel> {
        let Level { quota, revision, whole, rest, refilled_at } = level;
        let bucket = Self { quota, refilled_at, whole, rest, revision };
        let fits = (-WHOLE_MAX..=WHOLE_MAX).contains(&whole)
            && u64::from(rest) < quota.window().millis()
            && bucket.units() <= quota.capacity();
        if fits { Ok(bucket) } else { Err(ImpossibleLevel) }
    }

    /// All that there is to know of the bucket, to be written down.
    pub fn level(&self) -> Level {
        let Self { quota, refilled_at, whole, rest, revision } = *self;
        Level { quota, revision, whole, rest, refilled_at }
    }

    /// Goes on at `now` by another clock, after nobody looked at it since `last` by the one before:
    /// the time between refills one window at most, and a clock that went back refills nothing.
    pub fn go_on(&mut self, last: UnixMillis, now: UnixMillis) {
        self.refill(last);
        let earliest = UnixMillis(now.0.saturating_sub(self.quota.window().millis()));
        self.refilled_at = self.refilled_at.clamp(earliest, now);
    }

    /// The quota in force.
    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// Puts another quota in force at `since`; until then the one before it refills.
    ///
    /// What is left keeps its share of the burst, rounded down, so that what was spent stays spent;
    /// where the burst stays the same, so does what is left. A debt keeps its tokens: so many were
    /// really used, whatever the quota. The same quota again changes nothing.
    pub fn change(&mut self, quota: Quota, since: UnixMillis) {
        if quota == self.quota {
            return;
        }
        self.refill(since);
        let mut units = self.units();
        if units > 0 {
            units = units * i128::from(quota.burst()) / i128::from(self.quota.burst());
        }
        // In two steps, since the product of both would be wider than an `i128`.
        units = (units * i128::from(quota.window().millis()))
            .div_euclid(i128::from(self.quota.window().millis()));
        self.quota = quota;
        self.revision = self.revision.wrapping_add(1);
        self.set_units(units);
    }

    /// The same bucket under another revision, where the owner of the quota counts its changes: a
    /// bucket that nobody looked at meanwhile goes through several of them at once.
    #[must_use]
    pub fn with_revision(self, revision: u32) -> Self {
        Self { revision, ..self }
    }

    /// Goes on from two states of one bucket, of which each may lack charges that the other one has:
    /// under the later quota, with what is left in the state that has less.
    #[must_use]
    pub fn merge(mut self, mut other: Self, now: UnixMillis) -> Self {
        self.refill(now);
        other.refill(now);
        let (mut older, newer) =
            if self.revision <= other.revision { (self, other) } else { (other, self) };
        older.change(newer.quota, now);
        let (whole, rest) = (older.whole, older.rest).min((newer.whole, newer.rest));
        newer.with_balance(older.refilled_at.max(newer.refilled_at), whole, rest)
    }

    /// What is left at `now`.
    #[inline]
    pub fn balance(&self, now: UnixMillis) -> Balance {
        let elapsed_ms = now.ms_since(self.refilled_at);
        let (whole, rest) = match elapsed_ms {
            0 => (self.whole, self.rest),
            _ => self.with(self.quota.refill(elapsed_ms)),
        };
        let stands_for_ms = self.refilled_at.ms_since(now);
        Balance { quota: self.quota, whole, rest, stands_for_ms }
    }

    /// Corrects a charge to what was used in the end: the difference is given back, or charged
    /// further even into debt. `Tokens::ZERO` gives all of it back.
    #[inline]
    pub fn settle(&mut self, charge: Charge, used: Tokens, now: UnixMillis) {
        self.refill(now);
        let (charged, used) = (charge.tokens.get(), used.get());
        if used > charged {
            self.charge_further(used - charged);
        } else {
            self.give_back(charge, charged - used);
        }
    }

    /// Brings the bucket to `now`. Time that goes backward adds nothing, and is not paid out again when
    /// it comes back.
    #[inline]
    pub fn refill(&mut self, now: UnixMillis) {
        let elapsed_ms = now.ms_since(self.refilled_at);
        if elapsed_ms > 0 {
            (self.whole, self.rest) = self.with(self.quota.refill(elapsed_ms));
            self.refilled_at = now;
        }
    }

    /// Whether so much is there, as of the last refill. The rest pays for no token.
    #[inline]
    pub(crate) fn covers(&self, tokens: Tokens) -> bool {
        self.whole >= tokens.get().cast_signed()
    }

    /// How long a request that costs so much has to wait; `None` when it is covered.
    #[inline]
    pub(crate) fn wait(&self, cost: Tokens, now: UnixMillis) -> Option<Wait> {
        if self.covers(cost) {
            None
        } else if cost.get() > self.quota.burst() {
            Some(Wait::Never)
        } else {
            Some(Wait::Millis(self.balance(now).ms_until(cost.get())))
        }
    }

    /// What an admitted request is charged.
    #[inline]
    pub(crate) fn charge(&self, tokens: Tokens) -> Charge {
        Charge { tokens, burst: self.quota.burst_nonzero(), revision: self.revision }
    }

    /// Takes what is there, as [`Bucket::wait`] or [`Bucket::covers`] said.
    #[inline]
    pub(crate) fn take(&mut self, tokens: Tokens) {
        self.whole -= tokens.get().cast_signed();
    }

    /// The same bucket with another balance.
    pub(crate) fn with_balance(self, refilled_at: UnixMillis, whole: i64, rest: u32) -> Self {
        Self { refilled_at, whole, rest, ..self }
    }

    /// Time goes on as far as `other`'s has, and what is left is never more than there.
    pub(crate) fn follow(&mut self, other: &Self) {
        self.refill(other.refilled_at);
        if (self.whole, self.rest) > (other.whole, other.rest) {
            *self = *other;
        }
    }

    /// Takes tokens as it will be done at a moment to come, at which they are there. What the bucket
    /// can't hold until then does not come to whoever takes after it.
    pub(crate) fn take_at(&mut self, tokens: Tokens, then: UnixMillis) {
        let refill = self.quota.refill(then.ms_since(self.refilled_at));
        let left = (self.units() + refill).min(self.quota.capacity());
        self.set_units(left - self.quota.units(tokens.get()) - refill);
    }

    /// Gives so many tokens of a charge back, but no more than is sure to be missing, so that no
    /// change of the quota in between gives anything away.
    ///
    /// A balance keeps its share of the burst when the quota changes, and a debt its tokens. A
    /// charge cannot know which of the two its part of the balance was by then: it gives back the
    /// smaller one. After a second change not even that is sure to be there, and nothing comes back.
    fn give_back(&mut self, charge: Charge, unused: u64) {
        let unused = self.quota.units(unused);
        self.add(match self.revision.wrapping_sub(charge.revision) {
            0 => unused,
            1 => {
                unused.min(unused * i128::from(self.quota.burst()) / i128::from(charge.burst.get()))
            }
            _ => 0,
        });
    }

    /// Charges what was used beyond what was reserved, down to the floor. A balance that is below
    /// it, since a change lowered the quota, stays where it is.
    fn charge_further(&mut self, tokens: u64) {
        let before = self.units();
        let charged = before - self.quota.units(tokens);
        self.set_units(charged.max(self.quota.floor()).min(before));
    }

    fn add(&mut self, units: i128) {
        (self.whole, self.rest) = self.with(units);
    }

    /// The balance with so many units more, as far as they go in.
    fn with(&self, units: i128) -> (i64, u32) {
        self.split((self.units() + units).min(self.quota.capacity()))
    }

    fn units(&self) -> i128 {
        self.quota.balance_units(self.whole, self.rest)
    }

    fn set_units(&mut self, units: i128) {
        (self.whole, self.rest) = self.split(units);
    }

    /// Splits a balance in units into whole tokens and a rest. Nearly all fit an `i64`, whose
    /// division takes a tenth of the time.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a rest is below the window's milliseconds, and a balance above -2^50 tokens"
    )]
    fn split(&self, units: i128) -> (i64, u32) {
        let window_ms = self.quota.window().millis().cast_signed();
        if let Ok(units) = i64::try_from(units) {
            (units.div_euclid(window_ms), units.rem_euclid(window_ms) as u32)
        } else {
            let window_ms = i128::from(window_ms);
            (units.div_euclid(window_ms) as i64, units.rem_euclid(window_ms) as u32)
        }
    }
}
