//! A client's own two limits, requests and tokens per minute: the rule as it was before there were
//! other windows, held against a reference model that is slow and obvious.
//!
//! The model counts whole histories in `i128` and finds every moment by asking millisecond after
//! millisecond; it shares no line with the crate. proptest prints the failing case and its seed.

mod account;
mod model;

use account::{Account, Charge, Limits, Refused};
use limiter::{Dimension, PER_MINUTE_MAX, PerMinute, Tokens, UnixMillis, Wait};
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
fn limit() -> impl Strategy<Value = PerMinute> {
    prop_oneof![8 => 1..200_u64, 1 => 1..=PER_MINUTE_MAX]
        .prop_map(|limit| PerMinute::new(limit).unwrap())
}

fn limits() -> impl Strategy<Value = Limits> {
    (option::weighted(0.8, limit()), option::weighted(0.8, limit()))
        .prop_map(|(rpm, tpm)| Limits { rpm, tpm })
}

fn tokens() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 0..250_u64, 1 => Just(0), 1 => 0..=PER_MINUTE_MAX]
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

/// What is left, in sixty-thousandths.
fn units(account: &Account, dimension: Dimension, now: UnixMillis) -> Option<i128> {
    let balance = account.balance(dimension, now)?;
    Some(i128::from(balance.whole()) * 60_000 + i128::from(balance.rest()))
}

/// What a full bucket holds.
fn capacity(limit: PerMinute) -> i128 {
    i128::from(limit.get()) * 60_000
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
                        Ok(charge) => {
                            let paid = model.admit(tokens, now);
                            prop_assert!(paid.is_some(), "the model refuses {tokens} at {now}");
                            open.extend(paid.map(|paid| (charge, paid)));
                        }
                        Err(refused) => {
                            prop_assert_eq!(model.refuses(tokens, now), Some(refused.limit));
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
                let balance = units(&account, dimension, UnixMillis(now));
                prop_assert_eq!(balance, model.balance(dimension, now));
            }
        }
    }

    /// Start + refill + refunds - charges = balance, in an account that never fills up.
    #[test]
    fn what_is_spent_refilled_and_given_back_adds_up(
        tpm in 1_000..1_000_000_u64,
        steps in vec((0..5_u64, 0..20_u64, 0..40_u64), 1..50),
    ) {
        let tpm = PerMinute::new(tpm).unwrap();
        let limits = Limits { rpm: None, tpm: Some(tpm) };
        let mut now = START;
        let mut account = Account::full(&limits, UnixMillis(now));
        let Ok(_) = account.decide(tokens_of(900), UnixMillis(now))
        else { return Err(TestCaseError::fail("900 of at least 1,000 tokens were refused")) };
        let mut expected = capacity(tpm) - 900 * 60_000;

        for (pause_ms, tokens, actual) in steps {
            now += pause_ms;
            expected += i128::from(tpm.get()) * i128::from(pause_ms);
            prop_assume!(expected < capacity(tpm));
            if let Ok(charge) = account.decide(tokens_of(tokens), UnixMillis(now)) {
                account.settle(charge, tokens_of(actual), UnixMillis(now));
                expected -= i128::from(actual) * 60_000;
            }
            prop_assume!(expected < capacity(tpm));
            prop_assert_eq!(units(&account, Dimension::Tpm, UnixMillis(now)), Some(expected));
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
            if let Ok(charge) = account.decide(tokens_of(tokens), UnixMillis(now)) {
                account.settle(charge, tokens_of(actual), UnixMillis(now));
            }
        }
        let balance = account.balance(Dimension::Tpm, UnixMillis(now)).unwrap();
        prop_assert_eq!(balance.limit(), tpm.get());
        let full = now + balance.full_in_ms();
        prop_assert_eq!(units(&account, Dimension::Tpm, UnixMillis(full)), Some(capacity(tpm)));
        if balance.full_in_ms() > 0 {
            let before = units(&account, Dimension::Tpm, UnixMillis(full - 1));
            prop_assert!(before < Some(capacity(tpm)));
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
        let Err(refused) = account.decide(tokens_of(tokens), UnixMillis(now))
        else { return Ok(()) };

        match refused.wait {
            Wait::Never => {
                prop_assert_eq!(refused.limit, Dimension::Tpm);
                prop_assert!(limits.tpm.is_some_and(|tpm| tpm.get() < tokens));
            }
            Wait::Millis(wait_ms) => {
                prop_assert!(wait_ms > 0);
                let at = now + wait_ms;
                // Every millisecond of a short wait; of a long one the last ones and some between.
                let step = usize::try_from(wait_ms / 500 + 1).unwrap();
                for moment in (now..at).step_by(step).chain(at.saturating_sub(3).max(now)..at) {
                    let mut early = account;
                    let admitted = early.decide(tokens_of(tokens), UnixMillis(moment)).is_ok();
                    prop_assert!(!admitted, "admitted at {} of {}", moment, at);
                }
                prop_assert!(account.decide(tokens_of(tokens), UnixMillis(at)).is_ok());
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
        let limits = Limits { rpm: PerMinute::new(rpm).ok(), tpm: PerMinute::new(tpm).ok() };
        let mut now = START;
        let mut account = Account::full(&limits, UnixMillis(now));
        let mut admitted: Vec<(u64, u64)> = Vec::new();
        for (pause_ms, tokens) in requests {
            now += pause_ms;
            if account.decide(tokens_of(tokens), UnixMillis(now)).is_ok() {
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
        let limits = Limits { rpm: PerMinute::new(limit).ok(), tpm: PerMinute::new(limit).ok() };
        let mut account = Account::full(&limits, UnixMillis(START));
        // The n-th request comes when n refills are complete, and not before.
        for n in 0..limit * minutes {
            let now = START + (n * 60_000).div_ceil(limit);
            let admitted = account.decide(tokens_of(1), UnixMillis(now)).is_ok();
            prop_assert!(admitted, "request {} of {} per minute", n, limit);
        }
    }

    #[test]
    fn a_changed_limit_keeps_what_was_spent(before in 1..10_000_u64, after in 1..10_000_u64, part in 0..=100_u64) {
        let limits = |tpm| Limits { rpm: None, tpm: PerMinute::new(tpm).ok() };
        let (before, after) = (limits(before), limits(after));
        let mut account = Account::full(&before, UnixMillis(START));
        let spent = before.tpm.unwrap().get() * part / 100;
        let _ = account.decide(tokens_of(spent), UnixMillis(START));
        let left = units(&account, Dimension::Tpm, UnixMillis(START)).unwrap();

        account.change_limits(&after, UnixMillis(START));
        let scaled = units(&account, Dimension::Tpm, UnixMillis(START)).unwrap();

        let exact = left * i128::from(after.tpm.unwrap().get());
        let old = i128::from(before.tpm.unwrap().get());
        prop_assert!(scaled * old <= exact, "a write gave something away");
        prop_assert!((scaled + 1) * old > exact, "a write took more than a unit");
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
            prop_assert_eq!(units(before, dimension, then), units(after, dimension, then));
        }
    }
    Ok(())
}

#[test]
fn a_debt_delays_what_comes_next_and_stops_at_its_floor() {
    let limits = Limits { rpm: None, tpm: PerMinute::new(100).ok() };
    let mut account = Account::full(&limits, UnixMillis(START));
    let charge = account.decide(tokens_of(1), UnixMillis(START)).unwrap();
    account.settle(charge, tokens_of(PER_MINUTE_MAX), UnixMillis(START));

    let balance = units(&account, Dimension::Tpm, UnixMillis(START));
    assert_eq!(balance, Some(-10 * 100 * 60_000));
    // Ten minutes until the debt is paid, and then even an estimate of 0 passes again.
    let refused = account.decide(Tokens::ZERO, UnixMillis(START)).unwrap_err();
    assert_eq!(refused, Refused { limit: Dimension::Tpm, wait: Wait::Millis(600_000) });
}

#[test]
fn an_estimate_that_never_fits_is_told_as_such_even_when_rpm_is_spent() {
    let limits = Limits { rpm: PerMinute::new(1).ok(), tpm: PerMinute::new(500).ok() };
    let mut account = Account::full(&limits, UnixMillis(START));
    let _ = account.decide(Tokens::ZERO, UnixMillis(START));

    assert_eq!(
        account.decide(tokens_of(501), UnixMillis(START)).unwrap_err(),
        Refused { limit: Dimension::Tpm, wait: Wait::Never }
    );
}

#[test]
fn time_that_goes_backward_adds_nothing_and_is_not_paid_twice() {
    let limits = Limits { rpm: PerMinute::new(60).ok(), tpm: None };
    let mut account = Account::full(&limits, UnixMillis(START));
    for _ in 0..60 {
        assert!(account.decide(Tokens::ZERO, UnixMillis(START)).is_ok());
    }
    for now in [START - 60_000, START - 1, START, START + 999] {
        assert!(account.decide(Tokens::ZERO, UnixMillis(now)).is_err());
    }
    assert!(account.decide(Tokens::ZERO, UnixMillis(START + 1_000)).is_ok());
    assert!(account.decide(Tokens::ZERO, UnixMillis(START)).is_err());
}

#[test]
fn a_limit_that_is_taken_away_and_comes_back_is_not_refilled_by_it() {
    let limits = Limits { rpm: PerMinute::new(3).ok(), tpm: PerMinute::new(300).ok() };
    let mut account = Account::full(&limits, UnixMillis(START));
    assert!(account.decide(tokens_of(300), UnixMillis(START)).is_ok());
    account.change_limits(&Limits { tpm: None, ..limits }, UnixMillis(START));
    assert!(account.decide(tokens_of(999), UnixMillis(START)).is_ok());
    assert_eq!(account.balance(Dimension::Tpm, UnixMillis(START)), None);

    account.change_limits(&limits, UnixMillis(START + 1_000));
    let balance = account.balance(Dimension::Tpm, UnixMillis(START + 1_000)).unwrap();
    assert_eq!(balance.remaining(), 5, "one second of refill and nothing more");
}

/// An account of so many tokens a minute that has just been charged, and the charge.
fn charged(tpm: u64, spent: u64, tokens: u64) -> (Account, Charge) {
    let mut account = Account::full(&tokens_per_minute(tpm), UnixMillis(START));
    let _ = account.decide(tokens_of(spent), UnixMillis(START));
    let charge = account.decide(tokens_of(tokens), UnixMillis(START)).unwrap();
    (account, charge)
}

fn tokens_per_minute(tpm: u64) -> Limits {
    Limits { rpm: None, tpm: PerMinute::new(tpm).ok() }
}

fn tokens_left(account: &Account) -> i64 {
    account.balance(Dimension::Tpm, UnixMillis(START)).unwrap().whole()
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
    let paid_off = units(&account, Dimension::Tpm, UnixMillis(START + 12_000));
    assert_eq!(paid_off, Some(0));
}

#[test]
fn a_debt_below_the_floor_of_a_lowered_limit_is_neither_lifted_nor_deepened_by_a_charge() {
    let (mut account, charge) = charged(1_000, 0, 100);
    let other = account.decide(tokens_of(100), UnixMillis(START)).unwrap();
    account.settle(charge, tokens_of(2_900), UnixMillis(START));
    assert_eq!(tokens_left(&account), -2_000);
    account.change_limits(&tokens_per_minute(10), UnixMillis(START));
    account.settle(other, tokens_of(5_000), UnixMillis(START));
    assert_eq!(tokens_left(&account), -2_000, "the floor is at -100");
}
