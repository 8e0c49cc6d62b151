//! Any bytes as the frames of a decision stream: each frame is taken whole or refused whole, each ask
//! has its verdict, and no balance is ever beyond what it can be.
//!
//! Each frame of the input has its length in the byte before it.

use std::sync::Arc;

use flowguard::{
    clients::{ClientConfig, Limits},
    decisions::{HeldInAll, Session, StreamMetrics},
    ledger::{ClientSnapshot, Ledger, ManualClock, Policy, UnknownClients, WorkerId},
};
use futures_util::FutureExt as _;
use limiter::{ClientId, PerMinute};
use prometheus::Registry;
use prost::Message as _;
use proto::decision::FilterFrame;

use crate::world::{CLIENT, NOW};

const RPM: u64 = 2;
const TPM: u64 = 100;

/// How far a balance can fall: ten minutes' worth.
const DEBT_CAPACITIES_MAX: i64 = 10;

/// Sends `frames` until one is refused.
pub fn check(frames: &[u8]) {
    let ledger = ledger();
    let mut frames = Frames(frames);
    let Some(first) = frames.next() else { return };
    let session = Session::start(
        first.hello.as_ref(),
        WorkerId(0),
        Arc::clone(&ledger),
        StreamMetrics::register(&Registry::new()).expect("the metrics' only registration"),
        HeldInAll::default(),
    );
    let Ok(mut session) = session else { return };
    for frame in std::iter::once(first).chain(frames) {
        let (asks, before) = (frame.asks.len(), snapshot(&ledger));
        let answer = session.answer(frame).now_or_never().expect("ready at once");
        let after = snapshot(&ledger);
        check_balances(&after);
        let Ok(answer) = answer else {
            assert_eq!(format!("{before:?}"), format!("{after:?}"), "a part of it took effect");
            break;
        };
        assert_eq!(answer.map_or(0, |answer| answer.verdicts.len()), asks);
    }
    session.close().now_or_never().expect("ready at once");
    check_balances(&snapshot(&ledger));
}

fn ledger() -> Arc<Ledger> {
    let policy = Policy { unknown_clients: UnknownClients::Deny, ..Policy::default() };
    let ledger = Ledger::new(policy, ManualClock::at(NOW));
    let limits = Limits { rpm: PerMinute::new(RPM).ok(), tpm: PerMinute::new(TPM).ok() };
    let id = ClientId::try_from(CLIENT).expect("an id");
    ledger.configure(&ClientConfig { id, limits, enabled: true, min_estimate: None });
    Arc::new(ledger)
}

fn snapshot(ledger: &Ledger) -> ClientSnapshot {
    ledger.snapshot(CLIENT).expect("the client is configured")
}

fn check_balances(snapshot: &ClientSnapshot) {
    for (balance, capacity) in [(snapshot.standing.requests, RPM), (snapshot.standing.tokens, TPM)]
    {
        let left = balance.expect("a limit").whole();
        let capacity = i64::try_from(capacity).expect("a small limit");
        assert!((-DEBT_CAPACITIES_MAX * capacity..=capacity).contains(&left), "{snapshot:?}");
    }
}

/// The frames of an input, up to the first that is none.
struct Frames<'a>(&'a [u8]);

impl Iterator for Frames<'_> {
    type Item = FilterFrame;

    fn next(&mut self) -> Option<FilterFrame> {
        let (len, rest) = self.0.split_first()?;
        let (frame, rest) = rest.split_at(usize::from(*len).min(rest.len()));
        self.0 = rest;
        FilterFrame::decode(frame).ok()
    }
}
