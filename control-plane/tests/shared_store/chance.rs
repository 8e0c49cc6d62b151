//! Random quotas, costs and times.

use fastrand::Rng;
use limiter::{AMOUNT_MAX, Quota, Tokens, Window};

const DAY_SECS: u32 = 24 * 60 * 60;

pub(crate) fn quota(chance: &mut Rng) -> Quota {
    // Small amounts make refusals, refills and debts meet within a few steps.
    let amount = match chance.u8(..8) {
        0..4 => chance.u64(1..200),
        4..6 => chance.u64(1..5_000_000),
        6 => AMOUNT_MAX - chance.u64(..1_000),
        _ => chance.u64(1..=AMOUNT_MAX),
    };
    let burst = if chance.bool() { amount } else { chance.u64(1..=amount) };
    let windows = [1, 7, 59, 60, 60, 599, 600, 601, 3_600, DAY_SECS, 7 * DAY_SECS, 31 * DAY_SECS];
    let secs = if chance.u8(..3) == 0 {
        chance.u32(1..=31 * DAY_SECS)
    } else {
        windows[chance.usize(..windows.len())]
    };
    let window = Window::from_secs(secs).expect("at most 31 days");
    Quota::new(amount, window, Some(burst)).expect("a burst is a part of the amount")
}

/// What a request costs, or what it used: mostly near what the bucket holds.
pub(crate) fn tokens(chance: &mut Rng, quota: Quota) -> Tokens {
    let burst = quota.burst();
    let tokens = match chance.u8(..24) {
        0..16 => burst * chance.u64(..50) / 100,
        16..19 => burst * chance.u64(90..=100) / 100,
        19 => 0,
        20..22 => chance.u64(..250),
        _ => chance.u64(..=AMOUNT_MAX),
    };
    Tokens::new(tokens.min(AMOUNT_MAX)).expect("at most the largest amount")
}

/// Milliseconds from one call to the next; negative: the clock was set back.
pub(crate) fn pause_ms(chance: &mut Rng) -> i64 {
    match chance.u8(..16) {
        0..4 => 0,
        4..10 => chance.i64(0..2_000),
        10..12 => chance.i64(0..120_000),
        12..14 => chance.i64(0..3_000_000_000),
        14 => chance.i64(-5_000..0),
        _ => chance.i64(-200_000..0),
    }
}

/// Whether something happens that does once in so many times.
pub(crate) fn once_in(chance: &mut Rng, times: u32) -> bool {
    chance.u32(..times) == 0
}
