//! What decisions take of memory that are kept for a preview, as the README has it.

use std::alloc::System;

use flowguard::{
    clients::{ClientConfig, Limits},
    ledger::{
        Ask, DecisionsKept, End, Ledger, ManualClock, Outcome, Policy, RequestKind, Response,
        WorkerId,
    },
};
use futures_util::FutureExt as _;
use limiter::{ClientId, PerMinute, Tokens, UnixMillis};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// As many as are kept where nobody says otherwise: of fewer, each segment would have as many clients.
const KEPT: u32 = 1_000_000;

/// What a ledger holds that keeps so many decisions, after some more of so many clients, each
/// asking in its turn and ended.
fn bytes_of(kept: u64, clients: u32) -> usize {
    let region = Region::new(ALLOCATOR);
    let clock = ManualClock::at(UnixMillis(1_700_000_000_000));
    let ledger = Ledger::new(Policy::default(), clock.clone()).keeping(DecisionsKept { max: kept });
    let ids: Vec<_> = (0..clients).map(|n| format!("client-{n}")).collect();
    let limits =
        Limits { rpm: PerMinute::new(1_000_000).ok(), tpm: PerMinute::new(1_000_000_000).ok() };
    for id in &ids {
        let id = ClientId::try_from(id.as_str()).expect("an id");
        ledger.configure(&ClientConfig::new(id, limits));
    }
    let worker = ledger.join(WorkerId(0));
    for (id, client) in (1..=KEPT + KEPT / 5).zip(ids.iter().cycle()) {
        clock.set(UnixMillis(1_700_000_000_000 + u64::from(id)));
        let ask = Ask {
            id,
            client,
            estimate: Some(Tokens::ONE),
            kind: RequestKind::Generates,
            model: None,
        };
        ledger.decide(&worker, &[ask]).now_or_never().expect("at once");
        let response = Response {
            outcome: Outcome::Completed,
            told: Some(Tokens::ONE),
            observed: Tokens::ZERO,
            duration_us: Some(1_000),
        };
        let ends = vec![(id, End::Settled(response))];
        ledger.end(&worker, ends).now_or_never().expect("at once");
    }
    let change = region.change();
    change.bytes_allocated - change.bytes_deallocated
}

#[test]
#[ignore = "takes a minute"]
fn a_million_decisions_take_45_mb_and_120_where_most_are_of_different_clients() {
    for (clients, bytes_max) in [(1_000, 45), (KEPT, 120)] {
        let beside = bytes_of(u64::from(KEPT), clients) - bytes_of(0, clients);
        let bytes = beside / usize::try_from(KEPT).expect("few");
        println!("{clients} clients: {bytes} bytes a decision");
        assert!((32..=bytes_max).contains(&bytes), "{clients} clients: {bytes} bytes a decision");
    }
}
