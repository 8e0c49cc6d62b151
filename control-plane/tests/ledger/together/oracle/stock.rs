//! What is left of one bucket.

use super::{Key, Oracle};
use crate::together::{
    bucket::{Bucket, Numbers, Paid},
    spec::{Kind, Spec, Who},
};

#[derive(Clone, Debug)]
pub(super) enum Stock {
    Window(Bucket),
    Places { max: u64, taken: u64 },
}

impl Oracle {
    /// What is left of a bucket by one of its numbers.
    pub(super) fn stock(&self, spec: &Spec, key: &Key, part: usize, now: u64) -> Stock {
        let known = self.stocks.get(key).and_then(|both| both[part].clone());
        known.unwrap_or_else(|| {
            let numbers = numbers(spec, part).unwrap();
            match spec.kind {
                Kind::Concurrent => Stock::Places { max: numbers.amount, taken: 0 },
                Kind::Requests | Kind::Tokens => Stock::Window(Bucket::full(numbers, now)),
            }
        })
    }
}

impl Stock {
    pub(super) fn wait(&self, kind: Kind, tokens: u64, now: u64) -> Option<u64> {
        match self {
            Self::Window(bucket) => bucket.wait(cost(kind, tokens), now),
            Self::Places { max, taken } => (taken >= max).then_some(1_000),
        }
    }

    pub(super) fn take(&mut self, kind: Kind, tokens: u64, now: u64) -> Option<Paid> {
        match self {
            Self::Window(bucket) => {
                bucket.advance(now);
                Some(bucket.take(cost(kind, tokens)))
            }
            Self::Places { taken, .. } => {
                *taken += 1;
                None
            }
        }
    }

    pub(super) fn change(&mut self, numbers: Numbers, now: u64) {
        match self {
            Self::Window(bucket) => bucket.change(numbers, now),
            Self::Places { max, .. } => *max = numbers.amount,
        }
    }

    pub(super) fn remaining(&self, now: u64) -> u64 {
        match self {
            Self::Window(bucket) => whole(bucket.left(now)),
            Self::Places { max, taken } => max.saturating_sub(*taken),
        }
    }
}

pub(super) fn cost(kind: Kind, tokens: u64) -> u64 {
    if kind == Kind::Tokens { tokens } else { 1 }
}

pub(super) fn whole((whole, _): (i64, u32)) -> u64 {
    whole.max(0).unsigned_abs()
}

pub(super) fn a_minute(limit: u64) -> Numbers {
    Numbers { amount: limit, burst: limit, window_ms: 60_000 }
}

pub(super) fn own_numbers(who: &Who) -> [Option<Numbers>; 2] {
    if who.is_disabled { [None, None] } else { [who.rpm.map(a_minute), who.tpm.map(a_minute)] }
}

/// By the first number, or by the one on trial.
pub(super) fn numbers(spec: &Spec, part: usize) -> Option<Numbers> {
    let window_ms = u64::from(spec.per_s) * 1_000;
    if part == 0 {
        return Some(Numbers { amount: spec.amount, burst: spec.burst, window_ms });
    }
    let amount = spec.trial?;
    let burst = (u128::from(spec.burst) * u128::from(amount)).div_ceil(spec.amount.into());
    Some(Numbers { amount, burst: u64::try_from(burst).unwrap(), window_ms })
}
