//! The line in exact fractions of a token, in numbers without end.

use limiter::{Balance, Quota};
use num_bigint::BigInt;
use num_rational::BigRational;

/// What will be left when everybody who was told a moment has passed.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    quota: Quota,
    left: BigRational,
    latest: u64,
}

impl Line {
    pub(crate) fn full(quota: Quota, now: u64) -> Self {
        Self { quota, left: whole(quota.burst()), latest: now }
    }

    pub(crate) fn follow(&mut self, bucket: Balance, now: u64) {
        self.advance(now);
        self.left = self.left.clone().min(exact(bucket));
    }

    pub(crate) fn left_at(&self, now: u64) -> BigRational {
        let mut then = self.clone();
        then.advance(now);
        then.left
    }

    pub(crate) fn wait_ms(&self, cost: u64, now: u64) -> u64 {
        if whole(cost) <= self.left {
            return 0;
        }
        let ms = ((whole(cost) - &self.left) / refill(self.quota, 1)).ceil().to_integer();
        // A clock that was set back refills nothing until it is where it was.
        u64::try_from(ms).unwrap() + self.latest.saturating_sub(now)
    }

    /// At the moment that was told, the cost is taken of what is there then.
    pub(crate) fn take_at(&mut self, cost: u64, moment: u64) {
        let by_then = refill(self.quota, moment.saturating_sub(self.latest));
        let there = (&self.left + &by_then).min(whole(self.quota.burst()));
        self.left = there - whole(cost) - by_then;
    }

    pub(crate) fn settle(&mut self, charged: u64, used: u64, now: u64) {
        self.advance(now);
        if used > charged {
            let floor_ms = self.quota.window().millis().max(600_000);
            let floor = whole(0) - refill(self.quota, floor_ms);
            let owing = (&self.left - whole(used - charged)).max(floor);
            self.left = owing.min(self.left.clone());
        } else {
            self.left = (&self.left + whole(charged - used)).min(whole(self.quota.burst()));
        }
    }

    fn advance(&mut self, now: u64) {
        if now > self.latest {
            let refilled = &self.left + refill(self.quota, now - self.latest);
            self.left = refilled.min(whole(self.quota.burst()));
            self.latest = now;
        }
    }
}

pub(crate) fn exact(balance: Balance) -> BigRational {
    let window_ms = BigInt::from(balance.quota().window().millis());
    BigRational::from_integer(BigInt::from(balance.whole()))
        + BigRational::new(BigInt::from(balance.rest()), window_ms)
}

fn refill(quota: Quota, elapsed_ms: u64) -> BigRational {
    let parts = BigInt::from(quota.amount()) * BigInt::from(elapsed_ms);
    BigRational::new(parts, BigInt::from(quota.window().millis()))
}

fn whole(tokens: u64) -> BigRational {
    BigRational::from_integer(BigInt::from(tokens))
}
