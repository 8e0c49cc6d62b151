//! The ledger: one atomic step for each decision, whoever asks, however many ask at once.

mod estimate;
mod gone;
mod kept;
mod paid_back;
mod places;
mod preview;
mod restart;
mod retry_after;
mod settlement;
mod threads;
mod together;
mod twins;
mod world;

use std::{
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use flowguard::{
    clients::ClientConfig,
    ledger::{Answer, Ask, End, RequestKind, UnknownClients, UnknownSnapshot, WorkerId, Written},
};
use futures_util::FutureExt as _;
use limiter::{Tokens, Wait};

use world::{World, config, later, left, limit, response, tokens, with_unknown_clients};

/// Threads ask all at once, and what they were granted is counted apart from the ledger.
fn admitted_by_threads(world: &World, threads: u32, asks: u32, each: Option<Tokens>) -> u64 {
    let admitted = AtomicU64::new(0);
    let start = Barrier::new(threads as usize);
    thread::scope(|scope| {
        for thread in 0..threads {
            let (start, admitted) = (&start, &admitted);
            scope.spawn(move || {
                let worker = world.ledger.join(WorkerId(thread.into()));
                start.wait();
                for id in 0..asks {
                    let kind = RequestKind::Generates;
                    let ask = Ask { id, client: "client", estimate: each, kind, model: None };
                    if matches!(world.ask_by(&worker, ask), Answer::Admitted { .. }) {
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
        let world = World::of(&[config("client", limit(1_000), None)]);
        assert_eq!(admitted_by_threads(&world, 8, 200, tokens(0)), 1_000, "round {round}");

        let world = World::of(&[config("client", limit(5_000), limit(7_000))]);
        assert_eq!(admitted_by_threads(&world, 8, 200, tokens(7)), 1_000, "round {round}");
        let snapshot = world.snapshot("client");
        assert_eq!((snapshot.record.admitted, snapshot.record.tpm_dropped), (1_000, 600));
        assert_eq!(left(&snapshot), (Some(4_000), Some(0)), "a refusal cost RPM");
    }
}

#[test]
fn a_write_in_the_middle_of_a_run_refills_nothing() {
    let world = World::of(&[config("client", limit(1_000), None)]);
    let stop = AtomicU64::new(0);
    let admitted = thread::scope(|scope| {
        scope.spawn(|| {
            while stop.load(Ordering::Relaxed) == 0 {
                let same = config("client", limit(1_000), None);
                assert_eq!(world.ledger.configure(&same), Written::Replaced);
            }
        });
        let admitted = admitted_by_threads(&world, 4, 1_000, tokens(0));
        stop.store(1, Ordering::Relaxed);
        admitted
    });
    assert_eq!(admitted, 1_000);
}

#[test]
fn a_refused_request_costs_nothing() {
    let world = World::of(&[config("client", limit(2), limit(100))]);
    for _ in 0..10 {
        let Answer::Refused { refusal, .. } = world.decide("client", tokens(101)) else {
            panic!("101 of 100 tokens were admitted")
        };
        assert_eq!(refusal.wait, Wait::Never);
    }
    for _ in 0..2 {
        world.settle(world.admit(tokens(50)), response(None));
    }
    let snapshot = world.snapshot("client");
    assert_eq!(
        (snapshot.record.admitted, snapshot.record.tpm_dropped, snapshot.record.rpm_dropped),
        (2, 10, 0)
    );
    assert_eq!(snapshot.record.tokens_used, 100);
}

#[test]
fn a_released_charge_is_given_back_and_neither_request_nor_tokens_count_in_the_end() {
    let world = World::of(&[config("client", limit(1), limit(100))]);
    let request = world.admit(tokens(80));
    world.end(request, End::Canceled);
    assert_eq!(left(&world.snapshot("client")), (Some(1), Some(100)));

    let request = world.admit(tokens(100));
    // The counter never went down, and says now what really was admitted.
    assert_eq!(world.snapshot("client").record.admitted, 1);
    assert_eq!(world.snapshot("client").record.tokens_used, 0, "it has not ended yet");
    world.settle(request, response(None));
    assert_eq!(world.snapshot("client").record.tokens_used, 100);
    let all = world.snapshot("client").record.over_all_processes();
    assert_eq!((all.durations, all.mean_ms()), (1, 1.5));
}

#[test]
fn a_client_that_is_not_enabled_is_counted_and_not_limited() {
    let world = World::of(&[]);
    let disabled = ClientConfig { enabled: false, ..config("client", limit(1), limit(1)) };
    world.ledger.configure(&disabled);
    for _ in 0..5 {
        world.settle(world.admit(tokens(1_000)), response(None));
    }
    let snapshot = world.snapshot("client");
    assert_eq!((snapshot.record.admitted, snapshot.record.tokens_used), (5, 5_000));
}

#[test]
fn a_client_created_again_has_full_buckets_and_counters_that_go_on() {
    let world = World::of(&[config("client", limit(1), None)]);
    world.end(world.admit(tokens(5)), End::Lost);
    assert!(world.ledger.remove("client"));
    assert!(!world.ledger.remove("client"));
    assert!(world.ledger.snapshot("client").is_none());
    assert!(matches!(world.decide("client", tokens(5)), Answer::UnknownClient));

    assert_eq!(world.ledger.configure(&config("client", limit(1), None)), Written::Created);
    world.end(world.admit(tokens(5)), End::Lost);
    assert_eq!(world.snapshot("client").record.tokens_used, 10);
}

#[test]
fn what_a_deleted_client_holds_is_not_given_back_to_the_one_created_after_it() {
    let world = World::of(&[config("client", None, limit(500))]);
    let request = world.admit(tokens(500));
    world.ledger.remove("client");
    world.ledger.configure(&config("client", None, limit(500)));
    assert!(matches!(world.decide("client", tokens(500)), Answer::Admitted { .. }));
    world.end(request, End::Canceled);
    assert!(matches!(world.decide("client", tokens(1)), Answer::Refused { .. }));
}

#[test]
fn a_request_that_ends_after_its_client_was_deleted_harms_nothing() {
    let world = World::of(&[config("client", limit(1), None)]);
    let request = world.admit(tokens(5));
    world.ledger.remove("client");
    world.end(request, End::Canceled);
    assert!(world.ledger.is_empty());
}

#[test]
fn what_a_forgotten_client_holds_is_nobodys_and_least_of_all_its_successors() {
    let world = World::of(&[config("client", limit(1), limit(500))]);
    let [canceled, settled, lost] = ["a", "b", "c"].map(|id| {
        world.ledger.configure(&config(id, limit(1), limit(500)));
        world.admitted(&world.decide(id, tokens(500)))
    });
    for id in ["a", "b", "c"] {
        world.ledger.remove(id);
    }
    // As many deleted clients are remembered, and the first ones are forgotten for the last.
    for n in 0..10_000 {
        let id = format!("later-{n}");
        world.ledger.configure(&config(&id, limit(1), None));
        world.ledger.remove(&id);
    }
    for n in 0..3 {
        world.ledger.configure(&config(&format!("successor-{n}"), limit(1), limit(500)));
        assert!(matches!(
            world.decide(&format!("successor-{n}"), tokens(500)),
            Answer::Admitted { .. }
        ));
    }
    world.end(canceled, End::Canceled);
    world.settle(settled, response(tokens(1)));
    world.end(lost, End::Lost);
    for n in 0..3 {
        let successor = world.snapshot(&format!("successor-{n}"));
        assert_eq!(left(&successor), (Some(0), Some(0)), "{n}");
        assert_eq!((successor.record.admitted, successor.record.tokens_used), (1, 0), "{n}");
    }
}

#[test]
fn unknown_clients_share_one_pair_of_buckets_and_no_state_of_their_own() {
    let [rpm, tpm] = [limit(3), limit(100)];
    let world = World::new(with_unknown_clients(UnknownClients::Shared { rpm, tpm }));
    for id in ["a", "b", "unknown"] {
        assert!(matches!(world.decide(id, tokens(1)), Answer::Admitted { .. }));
    }
    assert!(matches!(world.decide("c", tokens(1)), Answer::Refused { .. }));
    assert!(world.ledger.is_empty());
    let UnknownSnapshot::Shared(unknown) = world.ledger.unknown_snapshot() else {
        panic!("denied")
    };
    assert_eq!((unknown.record.admitted, unknown.record.rpm_dropped), (3, 1));
}

#[test]
fn allowed_unknown_clients_are_not_limited_and_denied_ones_are_counted() {
    let allowed = World::new(with_unknown_clients(UnknownClients::Allow));
    for _ in 0..1_000 {
        assert!(matches!(allowed.decide("a", tokens(1_000_000)), Answer::Admitted { .. }));
    }
    let denied = World::new(with_unknown_clients(UnknownClients::Deny));
    for _ in 0..3 {
        assert!(matches!(denied.decide("a", tokens(1)), Answer::UnknownClient));
    }
    let UnknownSnapshot::Denied { refused, in_shadow } = denied.ledger.unknown_snapshot() else {
        panic!("shared")
    };
    assert_eq!((refused, in_shadow), (3, 0));
}

#[test]
fn the_refill_is_continuous() {
    let world = World::of(&[config("client", limit(60), None)]);
    for _ in 0..60 {
        assert!(matches!(world.decide("client", tokens(0)), Answer::Admitted { .. }));
    }
    let Answer::Refused { refusal, .. } = world.decide("client", tokens(0)) else {
        panic!("61 of 60 requests were admitted")
    };
    assert_eq!(refusal.wait, Wait::Millis(1_000));
    assert!(matches!(world.at(later(999)).decide("client", tokens(0)), Answer::Refused { .. }));
    assert!(matches!(world.at(later(1_000)).decide("client", tokens(0)), Answer::Admitted { .. }));
}

/// Whoever holds more than is followed is decided and charged as ever, and cannot be paid back.
#[test]
fn a_request_beyond_what_is_followed_is_charged_and_stands() {
    const HELD_MAX: u64 = 100_000;
    let world = World::of(&[config("client", None, limit(1_000_000_000))]);
    for _ in 0..HELD_MAX {
        world.admit(tokens(1));
    }
    let beyond = world.decide("client", tokens(7));
    assert!(matches!(beyond, Answer::Admitted { is_followed: false, .. }), "{beyond:?}");
    assert_eq!(world.ledger.held() as u64, HELD_MAX);
    let beyond = world.admitted(&beyond);
    world.settle(beyond, response(tokens(0)));
    assert_eq!(world.snapshot("client").record.tokens_used, 7, "it stands");
    let spent = i64::try_from(HELD_MAX).unwrap() + 7;
    assert_eq!(left(&world.snapshot("client")).1, Some(1_000_000_000 - spent));
}

#[test]
fn what_very_many_requests_hold_is_given_up_in_parts() {
    let world = World::of(&[config("client", None, None)]);
    for _ in 0..3_000 {
        world.admit(tokens(1));
    }
    world.ledger.leave(&world.worker);
    let give_up = || world.ledger.give_up_on_absent_workers().now_or_never().map(|e| e.len());
    assert_eq!(give_up(), Some(0), "it may come back");
    world.at(later(60_000));
    assert_eq!([give_up(), give_up(), give_up()], [Some(1_024), Some(1_024), Some(952)]);
    assert_eq!((world.ledger.held(), give_up()), (0, Some(0)));
    assert_eq!(world.snapshot("client").record.tokens_used, 3_000, "it stands");
}
