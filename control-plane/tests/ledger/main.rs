//! The ledger: one atomic step for each decision, whoever asks, however many ask at once.

mod estimate;
mod paid_back;
mod settlement;

use std::{
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use flowguard::{
    ledger::{
        Answer, ClientConfig, ClientSnapshot, End, Held, Ledger, Outcome, UnknownSnapshot, Written,
    },
    settings::UnknownClients,
};
use limiter::{ClientId, Limit, Limits, Refusal, Tokens, Units, UnixMillis};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

fn limit(per_minute: u64) -> Limit {
    Limit::new(per_minute).unwrap()
}

fn config(id: &str, rpm: impl Into<Option<Limit>>, tpm: impl Into<Option<Limit>>) -> ClientConfig {
    let id = ClientId::try_from(id).unwrap();
    let (rpm, tpm) = (rpm.into(), tpm.into());
    ClientConfig { id, limits: Limits { rpm, tpm }, enabled: true, min_estimate: None }
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
    End {
        outcome: Outcome::Completed,
        told: used,
        observed: Tokens::ZERO,
        duration_us: Some(1_500),
    }
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
