//! The reference: balances as exact fractions of a token in numbers without end, and a whole
//! history in place of a revision.

use limiter::{Balance, Quota};
use num_bigint::BigInt;
use num_rational::BigRational;

/// What a bucket says to a cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Covered,
    Short,
    NeverFits,
}

/// What was paid, and the bucket's history until then.
#[derive(Clone, Debug)]
pub(crate) struct Paid {
    tokens: u64,
    quotas: Vec<Quota>,
}

#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    /// Every quota that it ever had, each other than the one before, the one in force last.
    quotas: Vec<Quota>,
    tokens: BigRational,
    latest: u64,
}

impl Bucket {
    pub(crate) fn full(quota: Quota, now: u64) -> Self {
        Self { quotas: vec![quota], tokens: whole(quota.burst()), latest: now }
    }

    pub(crate) fn quota(&self) -> Quota {
        *self.quotas.last().unwrap()
    }

    /// To read is not to touch: the bucket stays where it is in time.
    pub(crate) fn tokens(&self, now: u64) -> BigRational {
        let mut then = self.clone();
        then.advance(now);
        then.tokens
    }

    pub(crate) fn asked_for(&mut self, cost: u64, now: u64) -> Says {
        self.advance(now);
        if cost > self.quota().burst() {
            Says::NeverFits
        } else if whole(cost) > self.tokens {
            Says::Short
        } else {
            Says::Covered
        }
    }

    pub(crate) fn pay(&mut self, tokens: u64) -> Paid {
        self.tokens -= whole(tokens);
        Paid { tokens, quotas: self.quotas.clone() }
    }

    pub(crate) fn settle(&mut self, paid: &Paid, used: u64, now: u64) {
        self.advance(now);
        if used > paid.tokens {
            let floor = floor(self.quota());
            if self.tokens > floor {
                self.tokens = (&self.tokens - whole(used - paid.tokens)).max(floor);
            }
            return;
        }
        let unused = whole(paid.tokens - used);
        let burst_then = whole(paid.quotas.last().unwrap().burst());
        let share = &unused * whole(self.quota().burst()) / burst_then;
        let back = match self.quotas.len() - paid.quotas.len() {
            0 => unused,
            1 => unused.min(rounded_down(&share, self.quota())),
            _ => whole(0),
        };
        self.add(&back);
    }

    pub(crate) fn change(&mut self, quota: Quota, since: u64) {
        let before = self.quota();
        if quota == before {
            return;
        }
        self.advance(since);
        if self.tokens > whole(0) {
            let share = &self.tokens * whole(quota.burst()) / whole(before.burst());
            self.tokens = rounded_down(&share, before);
        }
        self.tokens = rounded_down(&self.tokens, quota);
        self.quotas.push(quota);
    }

    /// Pays out time that never passed before, and none that did.
    fn advance(&mut self, now: u64) {
        if now > self.latest {
            self.add(&fraction(self.quota(), self.quota().amount(), now - self.latest));
            self.latest = now;
        }
    }

    fn add(&mut self, tokens: &BigRational) {
        self.tokens = (&self.tokens + tokens).min(whole(self.quota().burst()));
    }
}

/// What is left, as the crate tells it.
pub(crate) fn exact(balance: Balance) -> BigRational {
    let rest = BigInt::from(balance.rest());
    let window_ms = BigInt::from(balance.quota().window().millis());
    BigRational::from_integer(BigInt::from(balance.whole())) + BigRational::new(rest, window_ms)
}

/// Ten minutes of refill or one amount, whichever is the deeper.
fn floor(quota: Quota) -> BigRational {
    (-fraction(quota, quota.amount(), 600_000)).min(-whole(quota.amount()))
}

/// So much of an amount as is refilled in so many milliseconds.
fn fraction(quota: Quota, amount: u64, elapsed_ms: u64) -> BigRational {
    let parts = BigInt::from(amount) * BigInt::from(elapsed_ms);
    BigRational::new(parts, BigInt::from(quota.window().millis()))
}

fn rounded_down(tokens: &BigRational, quota: Quota) -> BigRational {
    let window = whole(quota.window().millis());
    (tokens * &window).floor() / window
}

pub(crate) fn whole(tokens: u64) -> BigRational {
    BigRational::from_integer(BigInt::from(tokens))
}
