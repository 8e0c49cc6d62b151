//! The ledger: one atomic step for each decision, whoever asks, however many ask at once.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use flowguard::{
    ledger::{
        Answer, ClientConfig, ClientSnapshot, End, Held, Ledger, Outcome, Policy, UnknownSnapshot,
        Written,
    },
    settings::{ChargePolicy, Estimate, FallbackCharge, UnknownClients},
};
use limiter::{ClientId, Limit, Limits, Refusal, Tokens, Units, UnixMillis};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

fn limit(per_minute: u64) -> Limit {
    Limit::new(per_minute).unwrap()
}

fn config(id: &str, rpm: impl Into<Option<Limit>>, tpm: impl Into<Option<Limit>>) -> ClientConfig {
    let id = ClientId::try_from(id).unwrap();
    let (rpm, tpm) = (rpm.into(), tpm.into());
    ClientConfig { id, limits: Limits { rpm, tpm }, enabled: true }
}

fn ledger(configs: &[ClientConfig]) -> Ledger {
    let ledger = Ledger::new(UnknownClients::Deny, NOW);
    for config in configs {
        assert_eq!(ledger.configure(config, NOW), Written::Created);
    }
    ledger
}

fn tokens(tokens: u64) -> Option<Tokens> {
    Tokens::new(tokens).ok()
}

/// The only client's request, which passes.
fn admitted(ledger: &Ledger, estimate: Option<Tokens>) -> Held {
    match ledger.decide("client", estimate, NOW) {
        Answer::Admitted { held, .. } => held,
        other => panic!("not admitted: {other:?}"),
    }
}

fn ended(used: Option<Tokens>) -> End {
    End { outcome: Outcome::Completed, used, duration_us: 1_500 }
}

fn later(ms: u64) -> UnixMillis {
    UnixMillis(NOW.0 + ms)
}

fn snapshot(ledger: &Ledger, id: &str) -> ClientSnapshot {
    ledger.snapshot(id, NOW).unwrap()
}

/// Threads ask all at once, and what they were granted is counted apart from the ledger.
fn admitted_by_threads(ledger: &Ledger, threads: usize, asks: usize, each: Option<Tokens>) -> u64 {
    let admitted = AtomicU64::new(0);
    let start = Barrier::new(threads);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                start.wait();
                for _ in 0..asks {
                    if matches!(ledger.decide("client", each, NOW), Answer::Admitted { .. }) {
                        admitted.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    admitted.into_inner()
}

#[test]
fn many_threads_are_admitted_exactly_the_burst() {
    for round in 0..200 {
        let ledger = ledger(&[config("client", limit(1_000), None)]);
        assert_eq!(admitted_by_threads(&ledger, 8, 200, tokens(0)), 1_000, "round {round}");

        let ledger = self::ledger(&[config("client", limit(5_000), limit(7_000))]);
        assert_eq!(admitted_by_threads(&ledger, 8, 200, tokens(7)), 1_000, "round {round}");
        let snapshot = snapshot(&ledger, "client");
        assert_eq!((snapshot.admitted, snapshot.tpm_dropped), (1_000, 600));
        assert_eq!(snapshot.requests_left, Some(Units(4_000 * Units::ONE.0)), "a refusal cost RPM");
    }
}

#[test]
fn a_write_in_the_middle_of_a_run_refills_nothing() {
    let ledger = ledger(&[config("client", limit(1_000), None)]);
    let stop = AtomicU64::new(0);
    let admitted = thread::scope(|scope| {
        scope.spawn(|| {
            while stop.load(Ordering::Relaxed) == 0 {
                let same = config("client", limit(1_000), None);
                assert_eq!(ledger.configure(&same, NOW), Written::Replaced);
            }
        });
        let admitted = admitted_by_threads(&ledger, 4, 1_000, tokens(0));
        stop.store(1, Ordering::Relaxed);
        admitted
    });
    assert_eq!(admitted, 1_000);
}

#[test]
fn a_refused_request_costs_nothing() {
    let ledger = ledger(&[config("client", limit(2), limit(100))]);
    for _ in 0..10 {
        let Answer::Refused { refusal, .. } = ledger.decide("client", tokens(101), NOW) else {
            panic!("101 of 100 tokens were admitted")
        };
        assert!(matches!(refusal, Refusal::NeverFits { .. }));
    }
    for _ in 0..2 {
        ledger.settle(admitted(&ledger, tokens(50)), &ended(None), NOW);
    }
    let snapshot = snapshot(&ledger, "client");
    assert_eq!((snapshot.admitted, snapshot.tpm_dropped, snapshot.rpm_dropped), (2, 10, 0));
    assert_eq!(snapshot.tokens_used, 100);
}

#[test]
fn a_released_charge_is_given_back_and_neither_request_nor_tokens_count_in_the_end() {
    let ledger = ledger(&[config("client", limit(1), limit(100))]);
    let held = admitted(&ledger, tokens(80));
    held.release(NOW);
    assert_eq!(snapshot(&ledger, "client").requests_left, Some(Units::ONE));

    let held = admitted(&ledger, tokens(100));
    // The counter never went down, and says now what really was admitted.
    assert_eq!(snapshot(&ledger, "client").admitted, 1);
    assert_eq!(snapshot(&ledger, "client").tokens_used, 0, "it has not ended yet");
    ledger.settle(held, &ended(None), NOW);
    assert_eq!(snapshot(&ledger, "client").tokens_used, 100);
    let durations = snapshot(&ledger, "client").durations;
    assert_eq!((durations.count(), durations.mean_ms()), (1, 1.5));
}

#[test]
fn a_client_that_is_not_enabled_is_counted_and_not_limited() {
    let ledger = ledger(&[]);
    let disabled = ClientConfig { enabled: false, ..config("client", limit(1), limit(1)) };
    ledger.configure(&disabled, NOW);
    for _ in 0..5 {
        ledger.settle(admitted(&ledger, tokens(1_000)), &ended(None), NOW);
    }
    let snapshot = snapshot(&ledger, "client");
    assert_eq!((snapshot.admitted, snapshot.tokens_used), (5, 5_000));
}

#[test]
fn a_client_created_again_has_full_buckets_and_counters_that_go_on() {
    let ledger = ledger(&[config("client", limit(1), None)]);
    admitted(&ledger, tokens(5)).stand();
    assert!(ledger.remove("client"));
    assert!(!ledger.remove("client"));
    assert!(ledger.snapshot("client", NOW).is_none());
    assert!(matches!(ledger.decide("client", tokens(5), NOW), Answer::UnknownClient));

    assert_eq!(ledger.configure(&config("client", limit(1), None), NOW), Written::Created);
    admitted(&ledger, tokens(5)).stand();
    assert_eq!(snapshot(&ledger, "client").tokens_used, 10);
}

#[test]
fn what_a_deleted_client_holds_is_not_given_back_to_the_one_created_after_it() {
    let ledger = ledger(&[config("client", None, limit(500))]);
    let held = admitted(&ledger, tokens(500));
    ledger.remove("client");
    ledger.configure(&config("client", None, limit(500)), NOW);
    assert!(matches!(ledger.decide("client", tokens(500), NOW), Answer::Admitted { .. }));
    held.release(NOW);
    assert!(matches!(ledger.decide("client", tokens(1), NOW), Answer::Refused { .. }));
}

#[test]
fn a_request_that_ends_after_its_client_was_deleted_harms_nothing() {
    let ledger = ledger(&[config("client", limit(1), None)]);
    let held = admitted(&ledger, tokens(5));
    ledger.remove("client");
    held.release(NOW);
    assert!(ledger.is_empty());
}

#[test]
fn unknown_clients_share_one_pair_of_buckets_and_no_state_of_their_own() {
    let [rpm, tpm] = [limit(3), limit(100)];
    let ledger = Ledger::new(UnknownClients::Shared { rpm, tpm }, NOW);
    for id in ["a", "b", "unknown"] {
        assert!(matches!(ledger.decide(id, tokens(1), NOW), Answer::Admitted { .. }));
    }
    assert!(matches!(ledger.decide("c", tokens(1), NOW), Answer::Refused { .. }));
    assert!(ledger.is_empty());
    let UnknownSnapshot::Shared(unknown) = ledger.unknown_snapshot(NOW) else { panic!("denied") };
    assert_eq!((unknown.admitted, unknown.rpm_dropped), (3, 1));
}

#[test]
fn allowed_unknown_clients_are_not_limited_and_denied_ones_are_counted() {
    let allowed = Ledger::new(UnknownClients::Allow, NOW);
    for _ in 0..1_000 {
        assert!(matches!(allowed.decide("a", tokens(1_000_000), NOW), Answer::Admitted { .. }));
    }
    let denied = Ledger::new(UnknownClients::Deny, NOW);
    for _ in 0..3 {
        assert!(matches!(denied.decide("a", tokens(1), NOW), Answer::UnknownClient));
    }
    let UnknownSnapshot::Denied { requests } = denied.unknown_snapshot(NOW) else {
        panic!("shared")
    };
    assert_eq!(requests, 3);
}

#[test]
fn the_refill_is_continuous() {
    let ledger = ledger(&[config("client", limit(60), None)]);
    for _ in 0..60 {
        assert!(matches!(ledger.decide("client", tokens(0), NOW), Answer::Admitted { .. }));
    }
    let Answer::Refused { refusal: Refusal::RetryAt { at, .. }, .. } =
        ledger.decide("client", tokens(0), NOW)
    else {
        panic!("61 of 60 requests were admitted")
    };
    assert_eq!(at, later(1_000));
    assert!(matches!(ledger.decide("client", tokens(0), later(999)), Answer::Refused { .. }));
    assert!(matches!(ledger.decide("client", tokens(0), later(1_000)), Answer::Admitted { .. }));
}

/// Of a client with 10 requests and 1,000 tokens a minute that reserved 100.
fn check_settled(end: &End, charge: ChargePolicy, requests_left: u64, tokens_left: i64) {
    let policy = Policy { charge, ..UnknownClients::Deny.into() };
    let ledger = Ledger::new(policy, NOW);
    ledger.configure(&config("client", limit(10), limit(1_000)), NOW);
    ledger.settle(admitted(&ledger, tokens(100)), end, NOW);

    let left = snapshot(&ledger, "client");
    assert_eq!(left.requests_left.unwrap().whole(), requests_left, "{end:?} {charge:?}");
    assert_eq!(left.tokens_left, Some(Units(tokens_left * Units::ONE.0)), "{end:?} {charge:?}");
    assert_eq!(left.tokens_used.cast_signed(), 1_000 - tokens_left, "{end:?} {charge:?}");
    assert_eq!(100 + left.tokens_owed - left.tokens_refunded, left.tokens_used);
}

#[test]
fn what_a_response_used_is_charged_however_it_ended() {
    for outcome in [Outcome::Completed, Outcome::Aborted, Outcome::UpstreamFailed] {
        for (used, left) in [(0, 1_000), (99, 901), (100, 900), (101, 899), (3_000, -2_000)] {
            let end = End { outcome, used: tokens(used), duration_us: 1 };
            check_settled(&end, ChargePolicy::default(), 9, left);
        }
    }
}

#[test]
fn what_a_response_without_usage_is_charged_is_a_matter_of_policy() {
    let [completed, aborted, failed] =
        [Outcome::Completed, Outcome::Aborted, Outcome::UpstreamFailed].map(|outcome| End {
            outcome,
            used: None,
            duration_us: 1,
        });
    let default = ChargePolicy::default();
    check_settled(&completed, default, 9, 900);
    check_settled(&aborted, default, 9, 900);
    check_settled(&failed, default, 9, 1_000);

    for (fallback, requests_left, tokens_left) in [
        (FallbackCharge::Estimate, 9, 900),
        (FallbackCharge::Request, 9, 1_000),
        (FallbackCharge::Nothing, 10, 1_000),
    ] {
        let without_usage = ChargePolicy { without_usage: fallback, ..default };
        check_settled(&completed, without_usage, requests_left, tokens_left);
        check_settled(&aborted, without_usage, requests_left, tokens_left);
        check_settled(&failed, without_usage, 9, 1_000);
        let upstream_failure = ChargePolicy { upstream_failure: fallback, ..default };
        check_settled(&completed, upstream_failure, 9, 900);
        check_settled(&failed, upstream_failure, requests_left, tokens_left);
    }
}

#[test]
fn what_a_deleted_client_used_counts_and_is_not_charged_to_the_one_created_after_it() {
    let ledger = ledger(&[config("client", None, limit(500))]);
    let held = admitted(&ledger, tokens(500));
    ledger.remove("client");
    ledger.configure(&config("client", None, limit(500)), NOW);
    ledger.settle(held, &ended(tokens(700)), NOW);
    let after = snapshot(&ledger, "client");
    assert_eq!(after.tokens_left.unwrap().whole(), 500);
    assert_eq!((after.tokens_used, after.tokens_owed), (700, 200));
}

fn learning_ledger(tpm: u64) -> Ledger {
    let policy = Policy { estimate: Estimate::Learned, ..UnknownClients::Deny.into() };
    let ledger = Ledger::new(policy, NOW);
    ledger.configure(&config("client", None, limit(tpm)), NOW);
    ledger
}

#[test]
fn a_client_that_always_says_1_reserves_what_its_requests_use() {
    let ledger = learning_ledger(10_000);
    assert_eq!(admitted(&ledger, tokens(1)).reserved().get(), 1, "nothing is known yet");
    for _ in 0..3 {
        ledger.settle(admitted(&ledger, tokens(1)), &ended(tokens(900)), NOW);
    }
    assert_eq!(snapshot(&ledger, "client").learned_estimate, tokens(900));
    for (header, reserved) in [(None, 900), (tokens(1), 900), (tokens(901), 901)] {
        assert_eq!(admitted(&ledger, header).reserved().get(), reserved);
    }
}

#[test]
fn what_was_learned_never_locks_a_client_out() {
    let ledger = learning_ledger(1_000);
    ledger.settle(admitted(&ledger, None), &ended(tokens(5_000)), NOW);
    assert_eq!(snapshot(&ledger, "client").learned_estimate, tokens(5_000));
    let Answer::Refused { refusal: Refusal::RetryAt { at, .. }, reserved, .. } =
        ledger.decide("client", None, NOW)
    else {
        panic!("a client in debt was admitted, or told that it never fits")
    };
    assert_eq!(reserved.get(), 1_000);
    assert!(matches!(ledger.decide("client", None, at), Answer::Admitted { .. }));
}

#[test]
fn what_is_not_learned_from_the_header_alone_is_not_in_the_statistics() {
    let ledger = ledger(&[config("client", None, None)]);
    ledger.settle(admitted(&ledger, tokens(5)), &ended(tokens(700)), NOW);
    assert_eq!(snapshot(&ledger, "client").learned_estimate, None);
    assert_eq!(admitted(&ledger, None).reserved().get(), 0);
}

/// A request of the simulation below: admitted at one moment, settled at another.
struct InFlight {
    held: Held,
    estimate: u64,
    ends: u64,
}

/// A random number below `bound`, by xorshift.
fn random(state: &mut u64, bound: u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state % bound
}

/// Ten minutes of up to 1,000 requests in flight that each use twice their estimate.
#[test]
fn what_is_settled_in_any_minute_is_what_the_bucket_holds_and_what_was_in_flight() {
    const LIMIT: u64 = 100_000;
    const STEP_MS: u64 = 100;
    const STEPS: u64 = 6_000;
    const STEPS_PER_MINUTE: usize = 600;
    let mut seed = 0x9e37_79b9_7f4a_7c15;
    println!("seed {seed}");
    let ledger = ledger(&[config("client", None, limit(LIMIT))]);
    let mut in_flight: Vec<InFlight> = Vec::new();
    // For each step: tokens settled in it, and the estimates in flight when it began.
    let mut settled = Vec::new();
    let mut reserved = Vec::new();
    let mut used_in_all = 0;

    let mut step = 0;
    while step < STEPS || !in_flight.is_empty() {
        let now = later(step * STEP_MS);
        reserved.push(in_flight.iter().map(|request| request.estimate).sum::<u64>());
        let (ended, still): (Vec<_>, _) =
            in_flight.into_iter().partition(|request| request.ends <= step);
        in_flight = still;
        settled.push(ended.iter().map(|request| 2 * request.estimate).sum::<u64>());
        for request in ended {
            used_in_all += 2 * request.estimate;
            ledger.settle(request.held, &ended_with(2 * request.estimate), now);
        }
        while step < STEPS && in_flight.len() < 1_000 {
            let estimate = random(&mut seed, 400);
            match ledger.decide("client", tokens(estimate), now) {
                Answer::Admitted { held, .. } => {
                    let ends = step + 1 + random(&mut seed, 300);
                    in_flight.push(InFlight { held, estimate, ends });
                }
                _ => break,
            }
        }
        step += 1;
    }

    for from in 0..settled.len() {
        let minute = from..(from + STEPS_PER_MINUTE).min(settled.len());
        let used: u64 = settled[minute.clone()].iter().sum();
        // What was in flight at first was paid for before, and what is in flight later may make a
        // debt as large as its estimates.
        let debt = reserved[minute].iter().max().copied().unwrap_or(0);
        let most = LIMIT + LIMIT + reserved[from] + debt;
        assert!(used <= most, "{used} tokens in the minute from step {from}, at most {most}");
    }
    let end = later((step - 1) * STEP_MS);
    let after = ledger.snapshot("client", end).unwrap();
    assert_eq!(after.tokens_used, used_in_all);
    assert_eq!(after.tokens_owed, used_in_all / 2);
}

#[test]
fn what_a_burst_used_beyond_its_estimates_is_paid_back_in_the_next_minute() {
    let ledger = ledger(&[config("client", None, limit(100_000))]);
    let burst: Vec<_> = (0..1_000).map(|_| admitted(&ledger, tokens(100))).collect();
    for held in burst {
        ledger.settle(held, &ended_with(200), NOW);
    }
    let left = |at| ledger.snapshot("client", at).unwrap().tokens_left.unwrap();
    assert_eq!(left(NOW), Units(-100_000 * Units::ONE.0));
    assert_eq!(left(later(60_000)), Units(0));
    let Answer::Refused { refusal: Refusal::RetryAt { at, .. }, .. } =
        ledger.decide("client", tokens(100), NOW)
    else {
        panic!("a client in debt was admitted")
    };
    assert_eq!(at, later(60_060));
}

fn ended_with(used: u64) -> End {
    ended(tokens(used))
}

#[test]
fn responses_that_were_cut_short_teach_nothing() {
    let ledger = learning_ledger(10_000);
    ledger.settle(admitted(&ledger, None), &ended(tokens(900)), NOW);
    for _ in 0..64 {
        let aborted = End { outcome: Outcome::Aborted, ..ended(tokens(1)) };
        ledger.settle(admitted(&ledger, None), &aborted, NOW);
    }
    assert_eq!(snapshot(&ledger, "client").learned_estimate, tokens(900));
}
