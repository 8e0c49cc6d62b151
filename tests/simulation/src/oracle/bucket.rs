//! One limit per minute, kept by hand: a minute has 60,000 milliseconds, and a token as many parts.

/// Parts of a token.
const PARTS: i128 = 60_000;

/// A limit and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    limit: u64,
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
    limit: u64,
    changes: u32,
}

/// What is left, as a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Balance {
    /// Per minute.
    pub(crate) limit: u64,
    /// Whole tokens, rounded down.
    pub(crate) whole: i64,
    /// What is left beyond them, in parts.
    pub(crate) rest: u32,
    /// Milliseconds until it is full.
    pub(crate) full_in_ms: u64,
}

impl Bucket {
    /// One of which nothing was taken.
    pub(crate) fn full(limit: u64, now: u64) -> Self {
        let parts = i128::from(limit) * PARTS;
        Self { limit, changes: 0, parts, line: parts, latest: now }
    }

    /// Whether it covers a cost.
    pub(crate) fn covers(&mut self, cost: u64, now: u64) -> bool {
        self.advance(now);
        self.parts >= i128::from(cost) * PARTS
    }

    /// Milliseconds until it covers a cost, if nobody else pays; `None`: it never will.
    pub(crate) fn wait(&self, cost: u64, now: u64) -> Option<u64> {
        (cost <= self.limit).then(|| self.ms_until(i128::from(cost) * PARTS, now))
    }

    /// Takes a cost, which may be more than there is.
    pub(crate) fn pay(&mut self, tokens: u64, now: u64) -> Payment {
        self.advance(now);
        self.parts -= i128::from(tokens) * PARTS;
        self.line = self.line.min(self.parts);
        Payment { tokens, limit: self.limit, changes: self.changes }
    }

    /// Tokens that are missing for a cost, rounded up.
    pub(crate) fn missing(&self, cost: u64, now: u64) -> u64 {
        let missing = i128::from(cost) * PARTS - self.at(now).parts;
        u64::try_from((missing + PARTS - 1) / PARTS).unwrap_or(0)
    }

    /// Makes of what was paid what was used.
    pub(crate) fn correct(&mut self, paid: Payment, used: u64, now: u64) {
        self.advance(now);
        if used > paid.tokens {
            let floor = -10 * self.capacity();
            let owed = i128::from(used - paid.tokens) * PARTS;
            for left in [&mut self.parts, &mut self.line] {
                if *left > floor {
                    *left = (*left - owed).max(floor);
                }
            }
            return;
        }
        let unused = i128::from(paid.tokens - used) * PARTS;
        let back = match self.changes - paid.changes {
            0 => unused,
            1 => unused.min(unused * i128::from(self.limit) / i128::from(paid.limit)),
            _ => 0,
        };
        self.parts = (self.parts + back).min(self.capacity());
        self.line = (self.line + back).min(self.capacity());
    }

    /// Milliseconds until the line covers a cost.
    pub(crate) fn wait_in_line(&self, cost: u64, now: u64) -> u64 {
        let line = Self { parts: self.line, ..self.clone() };
        line.ms_until(i128::from(cost) * PARTS, now)
    }

    /// A cost is taken from the line at a later moment: what cannot be held until then is lost.
    pub(crate) fn take_in_line(&mut self, cost: u64, then: u64) {
        let by_then = i128::from(self.limit) * i128::from(then.saturating_sub(self.latest));
        let there = (self.line + by_then).min(self.capacity());
        self.line = there - i128::from(cost) * PARTS - by_then;
    }

    /// Nobody waits any more.
    pub(crate) fn empty_line(&mut self) {
        self.line = self.parts;
    }

    /// Another limit is in force: what is left keeps its share, a debt its tokens. Whether it is
    /// another one.
    pub(crate) fn change(&mut self, limit: u64, now: u64) -> bool {
        if limit == self.limit {
            return false;
        }
        self.advance(now);
        if self.parts > 0 {
            self.parts = self.parts * i128::from(limit) / i128::from(self.limit);
        }
        self.limit = limit;
        self.changes += 1;
        true
    }

    /// Another process goes on by another clock, after the one before it said something last: the
    /// time between pays out a minute at most, and a clock that went back nothing.
    pub(crate) fn go_on(&mut self, last: u64, now: u64) {
        self.advance(last);
        self.latest = self.latest.max(now.saturating_sub(60_000)).min(now);
        self.empty_line();
    }

    /// What is left.
    pub(crate) fn balance(&self, now: u64) -> Balance {
        let then = self.at(now);
        Balance {
            limit: self.limit,
            whole: i64::try_from(then.parts.div_euclid(PARTS)).unwrap_or(i64::MIN),
            rest: u32::try_from(then.parts.rem_euclid(PARTS)).unwrap_or(u32::MAX),
            full_in_ms: self.ms_until(self.capacity(), now),
        }
    }

    fn ms_until(&self, parts: i128, now: u64) -> u64 {
        let missing = (parts - self.at(now).parts).max(0);
        let a_ms = i128::from(self.limit);
        u64::try_from((missing + a_ms - 1) / a_ms).unwrap_or(u64::MAX)
    }

    fn at(&self, now: u64) -> Self {
        let mut then = self.clone();
        then.advance(now);
        then
    }

    fn capacity(&self) -> i128 {
        i128::from(self.limit) * PARTS
    }

    fn advance(&mut self, now: u64) {
        if now > self.latest {
            let paid_out = i128::from(self.limit) * i128::from(now - self.latest);
            self.parts = (self.parts + paid_out).min(self.capacity());
            self.line = (self.line + paid_out).min(self.capacity());
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
        u64::try_from(i128::from(self.limit) - i128::from(self.whole)).unwrap_or(0)
    }
}
