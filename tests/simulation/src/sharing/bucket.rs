//! A bucket by the naive rule: parts of tokens that come with time, and any charge in one number.

use super::call::{Stored, Told};

/// How much refill a bucket can owe, where its window is not longer.
const DEBT_MS_MAX: i128 = 600_000;

impl Stored {
    pub(super) fn full(told: &Told, revision: u64, now: u64) -> Self {
        let &Told { epoch, amount, burst, window, .. } = told;
        let parts = burst * window;
        Self { epoch, revision, at: now, amount, burst, window, parts }
    }

    /// Time has passed; a clock that goes backward adds nothing.
    pub(super) fn refill(&mut self, now: u64) {
        if now > self.at {
            let parts = self.parts + self.amount * i128::from(now - self.at);
            self.at = now;
            self.parts = parts.min(self.burst * self.window);
        }
    }

    fn change(&mut self, (amount, burst, window): (i128, i128, i128), since: u64) {
        if (amount, burst, window) == (self.amount, self.burst, self.window) {
            return;
        }
        self.refill(since);
        if self.parts >= 0 {
            self.parts = (self.parts * burst).div_euclid(self.burst);
        }
        self.parts = (self.parts * window).div_euclid(self.window);
        (self.amount, self.burst, self.window) = (amount, burst, window);
    }

    /// Goes on by what is told of its limit.
    pub(super) fn follow(mut self, told: &Told, now: u64) -> Self {
        if told.epoch > self.epoch {
            return Self::full(told, told.revision, now);
        }
        if told.epoch == self.epoch && told.revision > self.revision {
            self.change((told.amount, told.burst, told.window), told.since);
            self.revision = told.revision;
        }
        self.refill(now);
        self
    }

    /// Of two that follow the same the lower one.
    pub(super) fn merge(mut self, mut seen: Self, now: u64) -> Self {
        if seen.epoch != self.epoch {
            return if seen.epoch > self.epoch { seen } else { self };
        }
        let numbers = |of: &Self| (of.amount, of.burst, of.window);
        if seen.revision < self.revision {
            seen.change(numbers(&self), now);
        } else {
            self.change(numbers(&seen), now);
            self.revision = seen.revision;
        }
        self.at = self.at.max(seen.at);
        self.parts = self.parts.min(seen.parts);
        self
    }

    pub(super) fn covers(&self, cost: i128) -> bool {
        self.parts >= cost * self.window
    }

    pub(super) fn take(&mut self, cost: i128) {
        self.parts -= cost * self.window;
    }

    /// Charges what is owed, down to the deepest debt.
    pub(super) fn owe(&mut self, tokens: i128) {
        let floor = -self.amount * DEBT_MS_MAX.max(self.window);
        let owing = self.parts - tokens * self.window;
        self.parts = owing.max(floor.min(self.parts));
    }

    /// Gives back what is sure to be missing; whether that is known.
    pub(super) fn give_back(&mut self, tokens: i128, revision: u64, burst: i128) -> bool {
        let parts = match self.revision.checked_sub(revision) {
            Some(1) if self.burst < burst => (tokens * self.burst * self.window).div_euclid(burst),
            Some(0 | 1) => tokens * self.window,
            _ => return false,
        };
        self.parts = (self.parts + parts).min(self.burst * self.window);
        true
    }
}
