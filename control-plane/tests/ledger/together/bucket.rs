//! What is left of one number, as the specification has it: exact, and kept for ever.

/// An amount in a window of so many milliseconds, of which at most the burst is there at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) amount: u64,
    pub(crate) burst: u64,
    pub(crate) window_ms: u64,
}

/// A bucket: one unit is a token divided by the window's milliseconds, so that a millisecond refills as
/// many units as the amount says.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    numbers: Vec<Numbers>,
    units: i128,
    at: u64,
}

/// What was taken of one, and how often its numbers had been changed by then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paid {
    tokens: u64,
    burst: u64,
    changes: usize,
}

impl Bucket {
    pub(crate) fn full(numbers: Numbers, now: u64) -> Self {
        Self { numbers: vec![numbers], units: units(numbers.burst, numbers), at: now }
    }

    pub(crate) fn numbers(&self) -> Numbers {
        *self.numbers.last().unwrap()
    }

    /// Whole tokens and what is beyond them.
    pub(crate) fn left(&self, now: u64) -> (i64, u32) {
        let mut then = self.clone();
        then.advance(now);
        let window = i128::from(self.numbers().window_ms);
        let (whole, rest) = (then.units.div_euclid(window), then.units.rem_euclid(window));
        (i64::try_from(whole).unwrap(), u32::try_from(rest).unwrap())
    }

    /// `None`: it covers so many tokens. Else how long it takes until it does; `u64::MAX` is never.
    pub(crate) fn wait(&self, cost: u64, now: u64) -> Option<u64> {
        let mut then = self.clone();
        then.advance(now);
        let missing = units(cost, self.numbers()) - then.units;
        if missing <= 0 {
            return None;
        }
        if cost > self.numbers().burst {
            return Some(u64::MAX);
        }
        let amount = i128::from(self.numbers().amount);
        let ms = u64::try_from((missing + amount - 1) / amount).unwrap();
        // Behind its own time nothing is refilled until that comes again.
        Some(ms + self.at.saturating_sub(now))
    }

    pub(crate) fn take(&mut self, tokens: u64) -> Paid {
        self.units -= units(tokens, self.numbers());
        Paid { tokens, burst: self.numbers().burst, changes: self.numbers.len() }
    }

    pub(crate) fn settle(&mut self, paid: Paid, used: u64, now: u64) {
        self.advance(now);
        let numbers = self.numbers();
        if used > paid.tokens {
            let deepest = numbers.window_ms.max(600_000);
            let floor = -i128::from(numbers.amount) * i128::from(deepest);
            let charged = self.units - units(used - paid.tokens, numbers);
            self.units = self.units.min(charged.max(floor));
            return;
        }
        let unused = units(paid.tokens - used, numbers);
        let share = unused * i128::from(numbers.burst) / i128::from(paid.burst);
        self.units += match self.numbers.len() - paid.changes {
            0 => unused,
            1 => unused.min(share),
            _ => 0,
        };
        self.cap();
    }

    pub(crate) fn change(&mut self, numbers: Numbers, since: u64) {
        let before = self.numbers();
        if numbers == before {
            return;
        }
        self.advance(since);
        if self.units > 0 {
            self.units = self.units * i128::from(numbers.burst) / i128::from(before.burst);
        }
        let scaled = self.units * i128::from(numbers.window_ms);
        self.units = scaled.div_euclid(i128::from(before.window_ms));
        self.numbers.push(numbers);
    }

    pub(crate) fn advance(&mut self, now: u64) {
        if now > self.at {
            self.units += i128::from(self.numbers().amount) * i128::from(now - self.at);
            self.at = now;
            self.cap();
        }
    }

    fn cap(&mut self) {
        self.units = self.units.min(units(self.numbers().burst, self.numbers()));
    }
}

fn units(tokens: u64, numbers: Numbers) -> i128 {
    i128::from(tokens) * i128::from(numbers.window_ms)
}
