//! Random quotas, costs and times.

use limiter::{AMOUNT_MAX, Quota, Window};
use proptest::{option, prelude::*};

/// What a request costs. Some of it is near what a bucket holds, whatever that is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cost {
    Tokens(u64),
    PercentOfBurst(u64),
}

impl Cost {
    pub(crate) fn in_bucket(self, quota: Quota) -> u64 {
        match self {
            Self::Tokens(tokens) => tokens,
            Self::PercentOfBurst(percent) => (quota.burst() * percent / 100).min(AMOUNT_MAX),
        }
    }
}

pub(crate) fn cost() -> impl Strategy<Value = Cost> {
    prop_oneof![
        20 => (0..50_u64).prop_map(Cost::PercentOfBurst),
        2 => (90..=100_u64).prop_map(Cost::PercentOfBurst),
        1 => (0..250_u64).prop_map(Cost::Tokens),
        1 => (0..=AMOUNT_MAX).prop_map(Cost::Tokens),
    ]
}

fn window() -> impl Strategy<Value = Window> {
    let day = 24 * 60 * 60;
    prop_oneof![
        2 => prop::sample::select(vec![1, 7, 59, 60, 599, 600, 601, 3_600, day, 7 * day, 31 * day]),
        1 => 1..=31 * day,
    ]
    .prop_map(|secs| Window::from_secs(secs).unwrap())
}

/// Small amounts make refusals, refills and debts meet within a few steps.
pub(crate) fn quota() -> impl Strategy<Value = Quota> {
    let amount = prop_oneof![4 => 1..200_u64, 2 => 1..5_000_000_u64, 2 => 1..=AMOUNT_MAX];
    (amount, window(), option::of(0..AMOUNT_MAX)).prop_map(|(amount, window, burst)| {
        Quota::new(amount, window, burst.map(|burst| 1 + burst % amount)).unwrap()
    })
}

/// Milliseconds between steps; negative: the clock was set back.
pub(crate) fn pause_ms() -> impl Strategy<Value = i64> {
    prop_oneof![
        3 => Just(0_i64),
        6 => 0..2_000_i64,
        2 => 0..120_000_i64,
        2 => 0..3_000_000_000_i64,
        1 => -5_000..0_i64,
    ]
}
