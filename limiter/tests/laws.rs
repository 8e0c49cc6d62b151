//! The laws of the rule, held against a reference model that is slow and obvious.
//!
//! The model counts whole histories in `i128` and finds every moment by asking millisecond after
//! millisecond; it shares no line with the crate. proptest prints the failing case and its seed.

mod model;

use limiter::{
    Account, Charge, Decision, Dimension, Limit, Limits, Refusal, Tokens, Units, UnixMillis,
};
use model::Model;
use proptest::{collection::vec, option, prelude::*};

const START: u64 = 1_700_000_000_000;

#[derive(Clone, Debug)]
enum Step {
    Decide {
        tokens: u64,
    },
    /// Settles the oldest open charge with this many tokens.
    Settle {
        actual: u64,
    },
    /// Releases the oldest open charge.
    Release,
    ChangeLimits {
        limits: Limits,
    },
}

/// Small limits make refusals, refills and debts meet within a few steps.
fn limit() -> impl Strategy<Value = Limit> {
    prop_oneof![8 => 1..200_u64, 1 => 1..=limiter::PER_MINUTE_MAX]
        .prop_map(|limit| Limit::new(limit).unwrap())
}

fn limits() -> impl Strategy<Value = Limits> {
    (option::weighted(0.8, limit()), option::weighted(0.8, limit()))
        .prop_map(|(rpm, tpm)| Limits { rpm, tpm })
}

fn tokens() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 0..250_u64, 1 => Just(0), 1 => 0..=limiter::PER_MINUTE_MAX]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => tokens().prop_map(|tokens| Step::Decide { tokens }),
        2 => tokens().prop_map(|actual| Step::Settle { actual }),
        1 => Just(Step::Release),
        1 => limits().prop_map(|limits| Step::ChangeLimits { limits }),
    ]
}

/// Milliseconds between steps; negative: the clock was set back.
fn pause_ms() -> impl Strategy<Value = i64> {
    prop_oneof![3 => Just(0_i64), 6 => 0..2_000_i64, 1 => 0..120_000_i64, 1 => -5_000..0_i64]
}

fn at(now: u64, pause_ms: i64) -> u64 {
    now.saturating_add_signed(pause_ms)
}

fn tokens_of(tokens: u64) -> Tokens {
    Tokens::new(tokens).unwrap()
}

fn balance(account: &Account, limit: Dimension, now: UnixMillis) -> Option<Units> {
    let standing = account.standing(now);
    let balance = match limit {
        Dimension::Rpm => standing.requests,
        Dimension::Tpm => standing.tokens,
    };
    balance.map(|balance| balance.left)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_answer_and_balance_is_the_models(
        first in limits(),
        steps in vec((pause_ms(), step()), 1..60),
    ) {
        let mut now = START;
        let mut account = Account::full(&first, UnixMillis(now));
        let mut model = Model::new(first, now);
        let mut open: Vec<(Charge, model::Paid)> = Vec::new();

        for (pause, step) in steps {
            now = at(now, pause);
            match step {
                Step::Decide { tokens } => {
                    let before = account;
                    match account.decide(tokens_of(tokens), UnixMillis(now)) {
                        Decision::Admitted(charge) => {
                            let paid = model.admit(tokens, now);
                            prop_assert!(paid.is_some(), "the model refuses {tokens} at {now}");
                            open.extend(paid.map(|paid| (charge, paid)));
                        }
                        Decision::Refused(refusal) => {
                            prop_assert_eq!(model.refuses(tokens, now), Some(refusal.limit()));
                            check_refusal_changed_nothing(&before, &account, now)?;
                        }
                    }
                }
                Step::Settle { actual } if !open.is_empty() => {
                    let (charge, paid) = open.remove(0);
                    account.settle(charge, tokens_of(actual), UnixMillis(now));
                    model.settle(&paid, actual, now);
                }
                Step::Release if !open.is_empty() => {
                    let (charge, paid) = open.remove(0);
                    account.release(charge, UnixMillis(now));
                    model.release(&paid, now);
                }
                Step::ChangeLimits { limits: after } => {
                    account.change_limits(&after, UnixMillis(now));
                    model.change_limits(after, now);
                }
                Step::Settle { .. } | Step::Release => {}
            }
            for dimension in [Dimension::Rpm, Dimension::Tpm] {
                let balance = balance(&account, dimension, UnixMillis(now));
                prop_assert_eq!(balance.map(|units| i128::from(units.0)), model.balance(dimension, now));
            }
        }
    }

    /// Start + refill + refunds - charges = balance, in an account that never fills up.
    #[test]
    fn what_is_spent_refilled_and_given_back_adds_up(
        tpm in 1_000..1_000_000_u64,
        steps in vec((0..5_u64, 0..20_u64, 0..40_u64), 1..50),
    ) {
        let tpm = Limit::new(tpm).unwrap();
        let limits = Limits { rpm: None, tpm: Some(tpm) };
        let mut now = START;
        let mut account = Account::full(&limits, UnixMillis(now));
        let Decision::Admitted(_) = account.decide(tokens_of(900), UnixMillis(now))
        else { return Err(TestCaseError::fail("900 of at least 1,000 tokens were refused")) };
        let mut expected = i128::from(tpm.capacity().0) - 900 * 60_000;

        for (pause_ms, tokens, actual) in steps {
            now += pause_ms;
            expected += i128::from(tpm.per_minute()) * i128::from(pause_ms);
            prop_assume!(expected < i128::from(tpm.capacity().0));
            if let Decision::Admitted(charge) = account.decide(tokens_of(tokens), UnixMillis(now)) {
                account.settle(charge, tokens_of(actual), UnixMillis(now));
                expected -= i128::from(actual) * 60_000;
            }
            prop_assume!(expected < i128::from(tpm.capacity().0));
            let balance = balance(&account, Dimension::Tpm, UnixMillis(now)).unwrap();
            prop_assert_eq!(i128::from(balance.0), expected);
        }
    }

    #[test]
    fn a_bucket_is_full_when_it_is_said_to_be_and_not_a_millisecond_before(
        tpm in limit(),
        spends in vec((0..500_u64, 0..250_u64, 0..2_000_u64), 0..30),
    ) {
        let mut now = START;
        let mut account = Account::full(&Limits { rpm: None, tpm: Some(tpm) }, UnixMillis(now));
        for (pause_ms, tokens, actual) in spends {
            now += pause_ms;
            if let Decision::Admitted(charge) = account.decide(tokens_of(tokens), UnixMillis(now)) {
                account.settle(charge, tokens_of(actual), UnixMillis(now));
            }
        }
        let standing = account.standing(UnixMillis(now)).tokens.unwrap();
        prop_assert_eq!(standing.limit, tpm);
        let full = now + standing.full_in_ms;
        prop_assert_eq!(balance(&account, Dimension::Tpm, UnixMillis(full)), Some(tpm.capacity()));
        if standing.full_in_ms > 0 {
            let before = balance(&account, Dimension::Tpm, UnixMillis(full - 1));
            prop_assert!(before < Some(tpm.capacity()));
        }
    }

    #[test]
    fn a_refused_request_passes_at_retry_at_and_at_no_millisecond_before(
        limits in limits(),
        spends in vec((0..500_u64, 0..250_u64), 0..30),
        tokens in 0..250_u64,
    ) {
        let mut now = START;
        let mut account = Account::full(&limits, UnixMillis(now));
        for (pause_ms, tokens) in spends {
            now += pause_ms;
            let _ = account.decide(tokens_of(tokens), UnixMillis(now));
        }
        let Decision::Refused(refusal) = account.decide(tokens_of(tokens), UnixMillis(now))
        else { return Ok(()) };

        match refusal {
            Refusal::NeverFits { limit } => {
                prop_assert_eq!(limit, Dimension::Tpm);
                prop_assert!(limits.tpm.is_some_and(|tpm| tpm.per_minute() < tokens));
            }
            Refusal::RetryAt { at, .. } => {
                prop_assert!(at.0 > now);
                // Every millisecond of a short wait; of a long one the last ones and some between.
                let wait_ms = at.0 - now;
                let step = usize::try_from(wait_ms / 500 + 1).unwrap();
                for moment in (now..at.0).step_by(step).chain(at.0.saturating_sub(3).max(now)..at.0) {
                    let mut early = account;
                    prop_assert!(matches!(
                        early.decide(tokens_of(tokens), UnixMillis(moment)),
                        Decision::Refused(_)
                    ), "admitted at {} of {}", moment, at.0);
                }
                prop_assert!(matches!(
                    account.decide(tokens_of(tokens), at),
                    Decision::Admitted(_)
                ));
            }
        }
    }

    /// In any window, not only from the start: never more than capacity + refill.
    #[test]
    fn no_window_admits_more_than_capacity_and_refill(
        rpm in 1..100_u64,
        tpm in 1..5_000_u64,
        requests in vec((0..3_000_u64, 0..200_u64), 1..120),
    ) {
        let limits = Limits { rpm: Limit::new(rpm).ok(), tpm: Limit::new(tpm).ok() };
        let mut now = START;
        let mut account = Account::full(&limits, UnixMillis(now));
        let mut admitted: Vec<(u64, u64)> = Vec::new();
        for (pause_ms, tokens) in requests {
            now += pause_ms;
            if let Decision::Admitted(_) = account.decide(tokens_of(tokens), UnixMillis(now)) {
                admitted.push((now, tokens));
            }
        }
        for (first, &(from, _)) in admitted.iter().enumerate() {
            let mut requests = 0_u64;
            let mut tokens = 0_u64;
            for &(until, spent) in &admitted[first..] {
                requests += 1;
                tokens += spent;
                let window_ms = until - from;
                prop_assert!(requests * 60_000 <= rpm * 60_000 + rpm * window_ms);
                prop_assert!(tokens * 60_000 <= tpm * 60_000 + tpm * window_ms);
            }
        }
    }

    #[test]
    fn a_client_exactly_at_its_rate_is_never_refused(limit in 1..2_000_u64, minutes in 1..4_u64) {
        let limits = Limits { rpm: Limit::new(limit).ok(), tpm: Limit::new(limit).ok() };
        let mut account = Account::full(&limits, UnixMillis(START));
        // The n-th request comes when n refills are complete, and not before.
        for n in 0..limit * minutes {
            let now = START + (n * 60_000).div_ceil(limit);
            prop_assert!(matches!(
                account.decide(tokens_of(1), UnixMillis(now)),
                Decision::Admitted(_)
            ), "request {} of {} per minute", n, limit);
        }
    }

    #[test]
    fn a_changed_limit_keeps_what_was_spent(before in 1..10_000_u64, after in 1..10_000_u64, part in 0..=100_u64) {
        let limits = |tpm| Limits { rpm: None, tpm: Limit::new(tpm).ok() };
        let (before, after) = (limits(before), limits(after));
        let mut account = Account::full(&before, UnixMillis(START));
        let spent = before.tpm.unwrap().per_minute() * part / 100;
        let _ = account.decide(tokens_of(spent), UnixMillis(START));
        let left = balance(&account, Dimension::Tpm, UnixMillis(START)).unwrap();

        account.change_limits(&after, UnixMillis(START));
        let scaled = balance(&account, Dimension::Tpm, UnixMillis(START)).unwrap();

        let exact = i128::from(left.0) * i128::from(after.tpm.unwrap().per_minute());
        let old = i128::from(before.tpm.unwrap().per_minute());
        prop_assert!(i128::from(scaled.0) * old <= exact, "a write gave something away");
        prop_assert!((i128::from(scaled.0) + 1) * old > exact, "a write took more than a unit");
    }

    #[test]
    fn only_ids_of_the_contract_are_client_ids(
        bytes in prop_oneof![
            vec(any::<u8>(), 0..140),
            "[-A-Za-z0-9._:@+|=/~]{0,130}".prop_map(String::into_bytes),
            "[./]{1,3}".prop_map(String::into_bytes),
        ],
    ) {
        let expected = (1..=128).contains(&bytes.len())
            && bytes.iter().all(|b| b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@-+|=/~".contains(b))
            && !matches!(&*bytes, b"." | b"..");
        prop_assert_eq!(limiter::ClientId::check(&bytes).is_ok(), expected);
    }
}

fn check_refusal_changed_nothing(
    before: &Account,
    after: &Account,
    now: u64,
) -> Result<(), TestCaseError> {
    for dimension in [Dimension::Rpm, Dimension::Tpm] {
        for later_ms in [0, 1, 777, 60_000] {
            let then = UnixMillis(now + later_ms);
            prop_assert_eq!(balance(before, dimension, then), balance(after, dimension, then));
        }
    }
    Ok(())
}

#[test]
fn a_debt_delays_what_comes_next_and_stops_at_its_floor() {
    let limits = Limits { rpm: None, tpm: Limit::new(100).ok() };
    let mut account = Account::full(&limits, UnixMillis(START));
    let Decision::Admitted(charge) = account.decide(tokens_of(1), UnixMillis(START)) else {
        panic!("a full account refused one token")
    };
    account.settle(charge, tokens_of(limiter::PER_MINUTE_MAX), UnixMillis(START));

    let balance = balance(&account, Dimension::Tpm, UnixMillis(START)).unwrap();
    assert_eq!(balance.0, -10 * 100 * 60_000);
    // Ten minutes until the debt is paid, and then even an estimate of 0 passes again.
    let refused = account.decide(Tokens::ZERO, UnixMillis(START));
    let Decision::Refused(Refusal::RetryAt { limit: Dimension::Tpm, at }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(at.0 - START, 600_000);
}

#[test]
fn an_estimate_that_never_fits_is_told_as_such_even_when_rpm_is_spent() {
    let limits = Limits { rpm: Limit::new(1).ok(), tpm: Limit::new(500).ok() };
    let mut account = Account::full(&limits, UnixMillis(START));
    let _ = account.decide(Tokens::ZERO, UnixMillis(START));

    assert_eq!(
        account.decide(tokens_of(501), UnixMillis(START)),
        Decision::Refused(Refusal::NeverFits { limit: Dimension::Tpm })
    );
}

#[test]
fn time_that_goes_backward_adds_nothing_and_is_not_paid_twice() {
    let limits = Limits { rpm: Limit::new(60).ok(), tpm: None };
    let mut account = Account::full(&limits, UnixMillis(START));
    for _ in 0..60 {
        assert!(matches!(account.decide(Tokens::ZERO, UnixMillis(START)), Decision::Admitted(_)));
    }
    for now in [START - 60_000, START - 1, START, START + 999] {
        assert!(matches!(account.decide(Tokens::ZERO, UnixMillis(now)), Decision::Refused(_)));
    }
    assert!(matches!(
        account.decide(Tokens::ZERO, UnixMillis(START + 1_000)),
        Decision::Admitted(_)
    ));
    assert!(matches!(account.decide(Tokens::ZERO, UnixMillis(START)), Decision::Refused(_)));
}

#[test]
fn a_limit_that_is_taken_away_and_comes_back_is_not_refilled_by_it() {
    let limits = Limits { rpm: Limit::new(3).ok(), tpm: Limit::new(300).ok() };
    let mut account = Account::full(&limits, UnixMillis(START));
    assert!(matches!(account.decide(tokens_of(300), UnixMillis(START)), Decision::Admitted(_)));
    account.change_limits(&Limits { tpm: None, ..limits }, UnixMillis(START));
    assert!(matches!(account.decide(tokens_of(999), UnixMillis(START)), Decision::Admitted(_)));
    assert_eq!(balance(&account, Dimension::Tpm, UnixMillis(START)), None);

    account.change_limits(&limits, UnixMillis(START + 1_000));
    let balance = balance(&account, Dimension::Tpm, UnixMillis(START + 1_000)).unwrap();
    assert_eq!(balance.whole(), 5, "one second of refill and nothing more");
}

/// An account of so many tokens a minute that has just been charged, and the charge.
fn charged(tpm: u64, spent: u64, tokens: u64) -> (Account, Charge) {
    let mut account = Account::full(&tokens_per_minute(tpm), UnixMillis(START));
    let _ = account.decide(tokens_of(spent), UnixMillis(START));
    match account.decide(tokens_of(tokens), UnixMillis(START)) {
        Decision::Admitted(charge) => (account, charge),
        Decision::Refused(refusal) => panic!("{refusal:?}"),
    }
}

fn tokens_per_minute(tpm: u64) -> Limits {
    Limits { rpm: None, tpm: Limit::new(tpm).ok() }
}

fn tokens_left(account: &Account) -> i64 {
    balance(account, Dimension::Tpm, UnixMillis(START)).unwrap().0.div_euclid(60_000)
}

#[test]
fn a_charge_gives_back_the_smaller_of_its_tokens_and_its_share_after_one_change() {
    let (mut account, charge) = charged(1_000_000, 500_000, 10_000);
    account.change_limits(&tokens_per_minute(10_000), UnixMillis(START));
    assert_eq!(tokens_left(&account), 4_900);
    account.release(charge, UnixMillis(START));
    assert_eq!(tokens_left(&account), 5_000, "its share");

    let (mut account, charge) = charged(1_000, 0, 600);
    account.change_limits(&tokens_per_minute(10_000), UnixMillis(START));
    account.release(charge, UnixMillis(START));
    assert_eq!(tokens_left(&account), 4_600, "its tokens");
}

#[test]
fn a_charge_gives_nothing_back_after_two_changes_and_is_charged_further_all_the_same() {
    for (used, left) in [(0, 400), (600, 400), (700, 300)] {
        let (mut account, charge) = charged(1_000, 0, 600);
        account.change_limits(&tokens_per_minute(10), UnixMillis(START));
        account.change_limits(&tokens_per_minute(1_000), UnixMillis(START));
        account.settle(charge, tokens_of(used), UnixMillis(START));
        assert_eq!(tokens_left(&account), left, "{used} used");
    }
}

#[test]
fn a_write_that_changes_no_number_is_no_change() {
    let (mut account, charge) = charged(1_000, 0, 600);
    for _ in 0..3 {
        account.change_limits(&tokens_per_minute(1_000), UnixMillis(START));
    }
    account.release(charge, UnixMillis(START));
    assert_eq!(tokens_left(&account), 1_000);
}

#[test]
fn a_debt_stays_so_many_tokens_whatever_the_limit_becomes() {
    let (mut account, charge) = charged(1_000, 0, 1_000);
    account.settle(charge, tokens_of(3_000), UnixMillis(START));
    for tpm in [10_000, 1, 1_000_000, 1_000] {
        account.change_limits(&tokens_per_minute(tpm), UnixMillis(START));
        assert_eq!(tokens_left(&account), -2_000, "at {tpm} a minute");
    }
    // Ten times the limit pays it off in a tenth of the time.
    account.change_limits(&tokens_per_minute(10_000), UnixMillis(START));
    let paid_off = balance(&account, Dimension::Tpm, UnixMillis(START + 12_000));
    assert_eq!(paid_off, Some(Units(0)));
}

#[test]
fn a_debt_below_the_floor_of_a_lowered_limit_is_neither_lifted_nor_deepened_by_a_charge() {
    let (mut account, charge) = charged(1_000, 0, 100);
    let Decision::Admitted(other) = account.decide(tokens_of(100), UnixMillis(START)) else {
        panic!("800 tokens were left")
    };
    account.settle(charge, tokens_of(2_900), UnixMillis(START));
    assert_eq!(tokens_left(&account), -2_000);
    account.change_limits(&tokens_per_minute(10), UnixMillis(START));
    account.settle(other, tokens_of(5_000), UnixMillis(START));
    assert_eq!(tokens_left(&account), -2_000, "the floor is at -100");
}
