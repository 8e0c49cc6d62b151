//! A bucket that is written down and read back, perhaps by another clock.

use limiter::{
    AMOUNT_MAX, Bucket, Demand, ImpossibleLevel, Level, Quota, Tokens, UnixMillis, Window, decide,
};

const START: u64 = 1_700_000_000_000;

fn quota(amount: u64, window_s: u32) -> Quota {
    Quota::new(amount, Window::from_secs(window_s).unwrap(), None).unwrap()
}

/// A bucket of 60 a minute that was emptied at the start.
fn empty() -> Bucket {
    let mut bucket = Bucket::full(quota(60, 60), UnixMillis(START));
    let cost = Tokens::new(60).unwrap();
    let _ = decide(&mut [Demand::new(&mut bucket, cost)], UnixMillis(START));
    bucket
}

fn whole(bucket: &Bucket, now: u64) -> i64 {
    bucket.balance(UnixMillis(now)).whole()
}

#[test]
fn a_bucket_that_is_read_back_is_the_one_that_was_written_down() {
    let mut bucket = empty();
    bucket.change(quota(7, 31 * 24 * 60 * 60), UnixMillis(START + 1_234));
    assert_eq!(Bucket::at(bucket.level()), Ok(bucket));
}

#[test]
fn a_level_that_no_bucket_can_be_at_is_refused() {
    let full = Bucket::full(quota(60, 60), UnixMillis(START)).level();
    for level in [
        Level { whole: 61, ..full },
        Level { rest: 1, ..full },
        Level { whole: 59, rest: 60_000, ..full },
        Level { whole: i64::MIN, ..full },
        Level { whole: i64::MAX, rest: u32::MAX, quota: quota(AMOUNT_MAX, 1), ..full },
    ] {
        assert_eq!(Bucket::at(level), Err(ImpossibleLevel), "{level:?}");
    }
    assert!(Bucket::at(Level { whole: -600_000_000_000_000, ..full }).is_ok(), "the deepest debt");
}

#[test]
fn the_time_between_refills_and_no_more_than_one_window_of_it() {
    for (last, now, expected) in [
        // Looked at until 10 s, away for 5 s.
        (START + 10_000, START + 15_000, 15),
        // Away for an hour: a minute of it counts.
        (START + 10_000, START + 3_600_000, 60),
        // The clock went back: only what was lived through.
        (START + 10_000, START - 86_400_000, 10),
        // The clock before was an hour ahead when it was last looked at.
        (START, START, 0),
    ] {
        let mut bucket = empty();
        bucket.go_on(UnixMillis(last), UnixMillis(now));
        assert_eq!(whole(&bucket, now), expected, "{last} {now}");
        assert_eq!(whole(&bucket, now + 1_000), (expected + 1).min(60), "the new clock counts");
    }
}

#[test]
fn a_debt_is_paid_by_one_window_of_the_time_between() {
    let debt = Level { whole: -120, ..empty().level() };
    let mut bucket = Bucket::at(debt).unwrap();
    bucket.go_on(UnixMillis(START + 60_000), UnixMillis(START + 86_400_000));
    assert_eq!(whole(&bucket, START + 86_400_000), 0, "one minute lived through, one between");
}

#[test]
fn of_two_states_of_a_bucket_the_one_that_has_less_goes_on() {
    let (now, later) = (UnixMillis(START), UnixMillis(START + 1_000));
    let full = Bucket::full(quota(60, 60), now);
    for (one, other) in [(full, empty()), (empty(), full)] {
        let merged = one.merge(other, later);
        assert_eq!(merged.level().refilled_at, later);
        assert_eq!(whole(&merged, later.0), 1, "a second was refilled");
    }
    assert_eq!(empty().merge(empty(), now), empty());
}

#[test]
fn of_two_states_of_a_bucket_neither_is_refilled_before_the_later_one_was() {
    let ahead = Bucket::full(quota(60, 60), UnixMillis(START + 60_000));
    let merged = empty().merge(ahead, UnixMillis(START));
    assert_eq!(whole(&merged, START + 60_000), 0);
    assert_eq!(whole(&merged, START + 61_000), 1);
}

#[test]
fn of_two_states_of_a_bucket_the_later_quota_holds() {
    let now = UnixMillis(START);
    let half = {
        let mut bucket = Bucket::full(quota(60, 60), now);
        let cost = Tokens::new(30).unwrap();
        let _ = decide(&mut [Demand::new(&mut bucket, cost)], now);
        bucket.with_revision(1)
    };
    let changed = Bucket::full(quota(600, 60), now).with_revision(7);
    for (one, other) in [(half, changed), (changed, half)] {
        let merged = one.merge(other, now);
        assert_eq!((merged.quota(), merged.level().revision), (quota(600, 60), 7));
        assert_eq!(whole(&merged, START), 300, "half of it is left under either quota");
    }
}
