//! The reference: a minute-by-minute bookkeeping with wide numbers and no shortcuts.

use limiter::Dimension;

use crate::account::Limits;

const UNITS: i128 = 60_000;

/// What one admitted request paid; `None` where no limit was in force.
#[derive(Debug)]
pub(crate) struct Paid {
    requests: Option<Payment>,
    tokens: Option<Payment>,
}

/// What was paid, and the history of the bucket's limits until then, the one in force last.
#[derive(Clone, Debug)]
struct Payment {
    units: i128,
    limits: Vec<i128>,
}

/// A bucket is kept while its limit is away.
#[derive(Clone, Debug)]
struct Bucket {
    /// Every limit that it ever had, each other than the one before.
    limits: Vec<i128>,
    balance: i128,
    away: bool,
    /// The latest moment at which it was asked, settled or changed.
    latest: u64,
}

impl Bucket {
    fn full(per_minute: u64, now: u64) -> Self {
        let per_minute = i128::from(per_minute);
        Self { limits: vec![per_minute], balance: per_minute * UNITS, away: false, latest: now }
    }

    fn per_minute(&self) -> i128 {
        *self.limits.last().unwrap()
    }

    fn capacity(&self) -> i128 {
        self.per_minute() * UNITS
    }

    /// Pays out time that never passed before, and none that did.
    fn advance(&mut self, now: u64) {
        if now > self.latest {
            self.add(self.per_minute() * i128::from(now - self.latest));
            self.latest = now;
        }
    }

    fn add(&mut self, units: i128) {
        self.balance = (self.balance + units).min(self.capacity());
    }

    /// The difference between what was paid and what was used.
    fn correct(&mut self, paid: &Payment, used: i128, now: u64) {
        self.advance(now);
        let unused = paid.units - used;
        if unused >= 0 {
            let changes = self.limits.len() - paid.limits.len();
            let under = *paid.limits.last().unwrap();
            let back = match changes {
                0 => unused,
                1 => unused.min(unused * self.per_minute() / under),
                _ => 0,
            };
            self.add(back);
        } else {
            let floor = -10 * self.capacity();
            if self.balance > floor {
                self.balance = (self.balance + unused).max(floor);
            }
        }
    }

    /// The same share of another capacity, or the same debt.
    fn rescale(&mut self, per_minute: u64, now: u64) {
        let (before, after) = (self.per_minute(), i128::from(per_minute));
        self.away = false;
        if before != after {
            self.advance(now);
            self.limits.push(after);
            if self.balance > 0 {
                self.balance = self.balance * after / before;
            }
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Model {
    rpm: Option<Bucket>,
    tpm: Option<Bucket>,
}

impl Model {
    pub(crate) fn new(limits: Limits, now: u64) -> Self {
        Self {
            rpm: limits.rpm.map(|limit| Bucket::full(limit.get(), now)),
            tpm: limits.tpm.map(|limit| Bucket::full(limit.get(), now)),
        }
    }

    /// To read is not to touch: the model stays where it is in time.
    pub(crate) fn balance(&self, dimension: Dimension, now: u64) -> Option<i128> {
        let bucket = match dimension {
            Dimension::Rpm => &self.rpm,
            Dimension::Tpm => &self.tpm,
        };
        let mut then = bucket.clone().filter(|bucket| !bucket.away)?;
        then.advance(now);
        Some(then.balance)
    }

    /// The limit that a refusal has to name, `None` when the request has to be admitted.
    pub(crate) fn refuses(&mut self, tokens: u64, now: u64) -> Option<Dimension> {
        for bucket in [&mut self.rpm, &mut self.tpm].into_iter().flatten() {
            if !bucket.away {
                bucket.advance(now);
            }
        }
        let cost = i128::from(tokens) * UNITS;
        let short = |bucket: &Option<Bucket>, cost| {
            bucket.as_ref().is_some_and(|b| !b.away && b.balance < cost)
        };
        let tpm_short = short(&self.tpm, cost);
        let never = tpm_short && self.tpm.as_ref().is_some_and(|b| b.capacity() < cost);
        match (short(&self.rpm, UNITS), tpm_short, never) {
            (_, _, true) => Some(Dimension::Tpm),
            (true, _, _) => Some(Dimension::Rpm),
            (_, true, _) => Some(Dimension::Tpm),
            (false, false, false) => None,
        }
    }

    pub(crate) fn admit(&mut self, tokens: u64, now: u64) -> Option<Paid> {
        if self.refuses(tokens, now).is_some() {
            return None;
        }
        let pay = |bucket: &mut Option<Bucket>, cost: i128| {
            bucket.as_mut().filter(|bucket| !bucket.away).map(|bucket| {
                bucket.balance -= cost;
                Payment { units: cost, limits: bucket.limits.clone() }
            })
        };
        Some(Paid {
            requests: pay(&mut self.rpm, UNITS),
            tokens: pay(&mut self.tpm, i128::from(tokens) * UNITS),
        })
    }

    pub(crate) fn settle(&mut self, paid: &Paid, actual: u64, now: u64) {
        if let (Some(bucket), Some(paid)) = (&mut self.tpm, &paid.tokens) {
            bucket.correct(paid, i128::from(actual) * UNITS, now);
        }
    }

    pub(crate) fn release(&mut self, paid: &Paid, now: u64) {
        for (bucket, paid) in [(&mut self.rpm, &paid.requests), (&mut self.tpm, &paid.tokens)] {
            if let (Some(bucket), Some(paid)) = (bucket, paid) {
                bucket.correct(paid, 0, now);
            }
        }
    }

    pub(crate) fn change_limits(&mut self, limits: Limits, now: u64) {
        for (bucket, limit) in [(&mut self.rpm, limits.rpm), (&mut self.tpm, limits.tpm)] {
            match (bucket.as_mut(), limit) {
                (Some(bucket), Some(limit)) => bucket.rescale(limit.get(), now),
                (None, Some(limit)) => *bucket = Some(Bucket::full(limit.get(), now)),
                (Some(bucket), None) => bucket.away = true,
                (None, None) => {}
            }
        }
    }
}
