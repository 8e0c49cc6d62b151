//! So much in a window, kept by hand: a token has as many parts as the window has milliseconds, so that
//! each of these pays out a whole number of parts.

/// So much in which time, and how much of it at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// What is paid out in one window.
    pub(crate) amount: u64,
    /// What can be there at once.
    pub(crate) burst: u64,
    /// The window, in milliseconds.
    pub(crate) window_ms: u64,
}

/// A limit and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    numbers: Numbers,
    /// How often the limit became another one.
    changes: u32,
    parts: i128,
    /// What will be left when everybody who was told a moment has passed: never more than there is.
    line: i128,
    /// The latest time that was paid out.
    latest: u64,
}

/// What was paid, and under which limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Payment {
    tokens: u64,
    burst: u64,
    changes: u32,
}

/// What is left, as a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Balance {
    /// Of what.
    pub(crate) numbers: Numbers,
    /// Whole tokens, rounded down.
    pub(crate) whole: i64,
    /// What is left beyond them, in parts.
    pub(crate) rest: u32,
    /// Milliseconds until it is full.
    pub(crate) full_in_ms: u64,
}

/// The least for which a debt can stand, whatever the window: ten minutes.
const DEBT_MS: u64 = 600_000;

impl Numbers {
    /// So much a minute, all of it at once.
    pub(crate) fn per_minute(amount: u64) -> Self {
        Self { amount, burst: amount, window_ms: 60_000 }
    }

    fn parts(&self) -> i128 {
        i128::from(self.window_ms)
    }

    fn capacity(&self) -> i128 {
        i128::from(self.burst) * self.parts()
    }

    fn paid_out(&self, ms: u64) -> i128 {
        i128::from(self.amount) * i128::from(ms)
    }

    /// As far down as usage can take it: what ten minutes pay out, or one window where that is longer.
    fn floor(&self) -> i128 {
        -self.paid_out(self.window_ms.max(DEBT_MS))
    }
}

impl Bucket {
    /// One of which nothing was taken.
    pub(crate) fn full(numbers: Numbers, now: u64) -> Self {
        let parts = numbers.capacity();
        Self { numbers, changes: 0, parts, line: parts, latest: now }
    }

    /// Milliseconds until it covers a cost, if nobody else pays: 0 now, `None` never.
    pub(crate) fn wait(&self, cost: u64, now: u64) -> Option<u64> {
        if self.at(now).parts >= self.of(cost) {
            return Some(0);
        }
        (cost <= self.numbers.burst).then(|| self.ms_until(self.of(cost), now))
    }

    /// Takes a cost, which may be more than there is.
    pub(crate) fn pay(&mut self, tokens: u64, now: u64) -> Payment {
        self.advance(now);
        self.parts -= self.of(tokens);
        self.line = self.line.min(self.parts);
        Payment { tokens, burst: self.numbers.burst, changes: self.changes }
    }

    /// Tokens that are missing for a cost, rounded up.
    pub(crate) fn missing(&self, cost: u64, now: u64) -> u64 {
        let (missing, parts) = (self.of(cost) - self.at(now).parts, self.numbers.parts());
        u64::try_from((missing + parts - 1) / parts).unwrap_or(0)
    }

    /// Makes of what was paid what was used.
    pub(crate) fn correct(&mut self, paid: Payment, used: u64, now: u64) {
        self.advance(now);
        if used > paid.tokens {
            let floor = self.numbers.floor();
            let owed = self.of(used - paid.tokens);
            for left in [&mut self.parts, &mut self.line] {
                if *left > floor {
                    *left = (*left - owed).max(floor);
                }
            }
            return;
        }
        let unused = self.of(paid.tokens - used);
        let back = match self.changes - paid.changes {
            0 => unused,
            1 => unused.min(unused * i128::from(self.numbers.burst) / i128::from(paid.burst)),
            _ => 0,
        };
        self.parts = (self.parts + back).min(self.numbers.capacity());
        self.line = (self.line + back).min(self.numbers.capacity());
    }

    /// Milliseconds until the line covers a cost.
    pub(crate) fn wait_in_line(&self, cost: u64, now: u64) -> u64 {
        let line = Self { parts: self.line, ..self.clone() };
        line.ms_until(self.of(cost), now)
    }

    /// A cost is taken from the line at a later moment: what cannot be held until then is lost.
    pub(crate) fn take_in_line(&mut self, cost: u64, now: u64, then: u64) {
        self.advance(now);
        let by_then = self.numbers.paid_out(then.saturating_sub(self.latest));
        let there = (self.line + by_then).min(self.numbers.capacity());
        self.line = there - self.of(cost) - by_then;
    }

    /// Nobody waits any more.
    pub(crate) fn empty_line(&mut self) {
        self.line = self.parts;
    }

    /// Other numbers are in force: what is left keeps its share of what can be there at once, a debt
    /// its tokens. Whether they are other ones.
    pub(crate) fn change(&mut self, numbers: Numbers, now: u64) -> bool {
        if numbers == self.numbers {
            return false;
        }
        self.advance(now);
        if self.parts > 0 {
            let share = self.parts * i128::from(numbers.burst);
            self.parts = share / i128::from(self.numbers.burst);
        }
        self.parts = (self.parts * numbers.parts()).div_euclid(self.numbers.parts());
        self.numbers = numbers;
        self.changes += 1;
        true
    }

    /// Another process goes on by another clock, after the one before it said something last: the
    /// time between pays out a window at most, and a clock that went back nothing.
    pub(crate) fn go_on(&mut self, last: u64, now: u64) {
        self.advance(last);
        self.latest = self.latest.max(now.saturating_sub(self.numbers.window_ms)).min(now);
        self.empty_line();
    }

    /// What is left.
    pub(crate) fn balance(&self, now: u64) -> Balance {
        let (then, parts) = (self.at(now), self.numbers.parts());
        Balance {
            numbers: self.numbers,
            whole: i64::try_from(then.parts.div_euclid(parts)).unwrap_or(i64::MIN),
            rest: u32::try_from(then.parts.rem_euclid(parts)).unwrap_or(u32::MAX),
            full_in_ms: self.ms_until(self.numbers.capacity(), now),
        }
    }

    fn ms_until(&self, parts: i128, now: u64) -> u64 {
        let missing = (parts - self.at(now).parts).max(0);
        let a_ms = i128::from(self.numbers.amount);
        u64::try_from((missing + a_ms - 1) / a_ms).unwrap_or(u64::MAX)
    }

    fn at(&self, now: u64) -> Self {
        let mut then = self.clone();
        then.advance(now);
        then
    }

    /// So many tokens in parts.
    fn of(&self, tokens: u64) -> i128 {
        i128::from(tokens) * self.numbers.parts()
    }

    fn advance(&mut self, now: u64) {
        if now > self.latest {
            let paid_out = self.numbers.paid_out(now - self.latest);
            self.parts = (self.parts + paid_out).min(self.numbers.capacity());
            self.line = (self.line + paid_out).min(self.numbers.capacity());
            self.latest = now;
        }
    }
}

impl Balance {
    /// Whole tokens that can be spent.
    pub(crate) fn remaining(&self) -> u64 {
        u64::try_from(self.whole).unwrap_or(0)
    }

    /// Whole tokens that are missing from the full bucket.
    pub(crate) fn used(&self) -> u64 {
        u64::try_from(i128::from(self.numbers.burst) - i128::from(self.whole)).unwrap_or(0)
    }
}
