//! The rule over any number of buckets and windows, case by case.

mod asks;

use asks::{START, charged, decide_over, tokens};
use limiter::{
    AMOUNT_MAX, BUCKETS_MAX, Bucket, Decision, Demand, OutOfRange, PerMinute, Quota, Tokens,
    UnixMillis, Wait, Window, decide,
};

const DAY_SECS: u32 = 24 * 60 * 60;

/// Decides over one bucket alone.
fn ask(bucket: &mut Bucket, cost: u64, now: u64) -> Decision {
    decide(&mut [Demand::new(bucket, tokens(cost))], UnixMillis(now))
}

fn secs(secs: u32) -> Window {
    Window::from_secs(secs).unwrap()
}

fn quota_of(amount: u64, window: Window, burst: impl Into<Option<u64>>) -> Quota {
    Quota::new(amount, window, burst.into()).unwrap()
}

fn whole(bucket: &Bucket, now: u64) -> i64 {
    bucket.balance(UnixMillis(now)).whole()
}

#[test]
fn a_quota_that_is_none_says_what_is_allowed() {
    let text = |quota: Result<Quota, OutOfRange>| quota.unwrap_err().to_string();
    for amount in [0, AMOUNT_MAX + 1] {
        let refused = text(Quota::new(amount, Window::MINUTE, None));
        assert_eq!(refused, "must be an integer from 1 to 1000000000000");
        assert_eq!(PerMinute::new(amount).unwrap_err().to_string(), refused);
    }
    for burst in [0, 61] {
        let refused = text(Quota::new(60, Window::MINUTE, Some(burst)));
        assert_eq!(refused, "must be an integer from 1 to 60");
    }
    for window_secs in [0, 31 * DAY_SECS + 1] {
        let refused = Window::from_secs(window_secs).unwrap_err().to_string();
        assert_eq!(refused, "must be an integer from 1 to 2678400");
    }
    let refused = Tokens::new(AMOUNT_MAX + 1).unwrap_err().to_string();
    assert_eq!(refused, "must be an integer from 0 to 1000000000000");
}

#[test]
fn a_clients_own_limit_is_a_minute_that_can_be_spent_at_once() {
    let quota = Quota::from(PerMinute::new(60).unwrap());
    assert_eq!(quota, quota_of(60, Window::MINUTE, 60));
    assert_eq!(Window::MINUTE.millis(), 60_000);
}

#[test]
fn a_burst_is_all_that_an_idle_bucket_has_to_spend() {
    // One a second, and never more than ten at once.
    let mut bucket = Bucket::full(quota_of(86_400, secs(DAY_SECS), 10), UnixMillis(START));
    let day_later = START + 86_400_000;
    for _ in 0..10 {
        assert_eq!(ask(&mut bucket, 1, day_later), Decision::Admitted);
    }
    let Decision::Refused(refusal) = ask(&mut bucket, 1, day_later) else { panic!("admitted") };
    assert_eq!(refusal.wait(), Wait::Millis(1_000));
    let Decision::Refused(refusal) = ask(&mut bucket, 11, day_later) else { panic!("admitted") };
    assert_eq!(refusal.wait(), Wait::Never);
}

#[test]
fn the_smallest_quota_of_the_longest_window_is_exact_to_the_millisecond() {
    let mut bucket = Bucket::full(quota_of(1, secs(31 * DAY_SECS), None), UnixMillis(START));
    charged(&mut bucket, 1, START);
    let Decision::Refused(refusal) = ask(&mut bucket, 1, START + 1) else { panic!("admitted") };
    assert_eq!(refusal.wait(), Wait::Millis(31 * 86_400_000 - 1));
    assert_eq!(ask(&mut bucket, 1, START + 31 * 86_400_000), Decision::Admitted);
}

#[test]
fn a_refusal_names_the_first_that_waits_and_tells_the_longest_wait() {
    let mut buckets: Vec<_> = [(60, 1), (60, 60), (60, 3_600), (60, 600)]
        .map(|(amount, window)| {
            Bucket::full(quota_of(amount, secs(window), None), UnixMillis(START))
        })
        .into();
    for bucket in &mut buckets[1..] {
        charged(bucket, 60, START);
    }
    let costs = [(0, 1), (1, 1), (2, 1), (3, 1)];
    let (Decision::Refused(refusal), _) = decide_over(&mut buckets, &costs, START) else {
        panic!("admitted")
    };
    assert_eq!(refusal.named(), 1);
    assert_eq!(refusal.wait(), Wait::Millis(60_000), "the hour's");
    assert_eq!([0, 1, 2, 3].map(|index| refusal.refuses(index)), [false, true, true, true]);
    assert_eq!(whole(&buckets[0], START), 60, "a refusal costs nothing");
}

#[test]
fn what_never_fits_is_named_before_what_waits() {
    let mut buckets = vec![Bucket::full(quota_of(60, Window::MINUTE, 10), UnixMillis(START)); 4];
    charged(&mut buckets[0], 10, START);
    let costs = [(0, 1), (1, 1), (2, 11), (3, 12)];
    let (Decision::Refused(refusal), _) = decide_over(&mut buckets, &costs, START) else {
        panic!("admitted")
    };
    assert_eq!(refusal.named(), 2);
    assert_eq!(refusal.wait(), Wait::Never);
    assert_eq!([0, 1, 2, 3].map(|index| refusal.refuses(index)), [true, false, true, true]);
}

#[test]
fn a_request_that_no_limit_matches_is_admitted() {
    assert_eq!(decide(&mut [], UnixMillis(START)), Decision::Admitted);
}

#[test]
fn demands_beyond_the_bound_are_decided_all_the_same() {
    let mut buckets =
        vec![Bucket::full(quota_of(10, Window::MINUTE, None), UnixMillis(START)); BUCKETS_MAX + 1];
    let costs: Vec<_> = (0..=BUCKETS_MAX).map(|index| (index, 10)).collect();
    charged(&mut buckets[BUCKETS_MAX], 1, START);
    let (Decision::Refused(refusal), _) = decide_over(&mut buckets, &costs, START) else {
        panic!("admitted")
    };
    assert_eq!(refusal.named(), BUCKETS_MAX);
    assert_eq!(refusal.wait(), Wait::Millis(6_000));
    let refuses = (0..=BUCKETS_MAX).filter(|index| refusal.refuses(*index));
    assert_eq!(refuses.collect::<Vec<_>>(), [BUCKETS_MAX], "what is named does");
    assert_eq!(decide_over(&mut buckets, &costs, START + 6_000).0, Decision::Admitted);
}

#[test]
fn a_change_takes_effect_at_its_own_time() {
    let mut bucket = Bucket::full(quota_of(60, Window::MINUTE, None), UnixMillis(START));
    charged(&mut bucket, 60, START);
    // Ten seconds at one a second, in a bucket that nobody touched since, then ten at ten a second.
    bucket.change(quota_of(600, Window::MINUTE, 60), UnixMillis(START + 10_000));
    assert_eq!(whole(&bucket, START + 10_000), 10);
    assert_eq!(whole(&bucket, START + 13_000), 40);
}

#[test]
fn an_amount_or_a_window_alone_scales_nothing() {
    let mut bucket = Bucket::full(quota_of(1_000, Window::MINUTE, 100), UnixMillis(START));
    let charge = charged(&mut bucket, 40, START);
    bucket.change(quota_of(5_000, secs(3_600), 100), UnixMillis(START));
    assert_eq!(whole(&bucket, START), 60);
    bucket.settle(charge, Tokens::ZERO, UnixMillis(START));
    assert_eq!(whole(&bucket, START), 100, "its share is all of it");
}

#[test]
fn the_floor_is_ten_minutes_of_refill_or_one_amount_where_the_window_is_longer() {
    for (window_secs, floor) in
        [(1, -60_000), (7, -8_572), (60, -1_000), (600, -100), (601, -100), (31 * DAY_SECS, -100)]
    {
        let mut bucket = Bucket::full(quota_of(100, secs(window_secs), 50), UnixMillis(START));
        let charge = charged(&mut bucket, 1, START);
        bucket.settle(charge, tokens(AMOUNT_MAX), UnixMillis(START));
        assert_eq!(whole(&bucket, START), floor, "{window_secs} s");
    }
}

#[test]
fn the_largest_debt_under_the_smallest_quota_waits_without_end_and_without_overflow() {
    let mut bucket = Bucket::full(quota_of(AMOUNT_MAX, secs(1), None), UnixMillis(0));
    let charge = charged(&mut bucket, 0, 0);
    for _ in 0..700 {
        bucket.settle(charge, tokens(AMOUNT_MAX), UnixMillis(0));
    }
    bucket.change(quota_of(1, secs(31 * DAY_SECS), None), UnixMillis(0));
    assert_eq!(whole(&bucket, 0), -600 * AMOUNT_MAX.cast_signed());
    let Decision::Refused(refusal) = ask(&mut bucket, 0, 0) else { panic!("admitted") };
    assert_eq!(refusal.wait(), Wait::Millis(u64::MAX));
    assert_eq!(bucket.balance(UnixMillis(0)).full_in_ms(), u64::MAX);
}

#[test]
fn a_balance_tells_what_can_be_spent_and_what_is_owed() {
    let mut bucket = Bucket::full(quota_of(60, Window::MINUTE, 20), UnixMillis(START));
    let charge = charged(&mut bucket, 5, START);
    let balance = bucket.balance(UnixMillis(START + 500));
    assert_eq!((balance.limit(), balance.remaining(), balance.owed()), (60, 15, 0));
    assert_eq!((balance.whole(), balance.rest(), balance.used()), (15, 30_000, 5));
    assert_eq!((balance.tokens(), balance.full_in_ms()), (15.5, 4_500));

    bucket.settle(charge, tokens(30), UnixMillis(START));
    let balance = bucket.balance(UnixMillis(START + 500));
    assert_eq!((balance.limit(), balance.remaining(), balance.owed()), (60, 0, 10));
    assert_eq!((balance.whole(), balance.rest(), balance.used()), (-10, 30_000, 30));
    assert_eq!((balance.tokens(), balance.full_in_ms()), (-9.5, 29_500));
}
