//! Any bytes as the frames of a worker's streams: each frame is taken whole or refused whole, each ask
//! has its verdict, and no balance is ever beyond what it can be.
//!
//! Each frame of the input has its length in the byte before it.

use std::sync::Arc;

use flowguard::{
    clients::{ClientConfig, Limits},
    decisions::{Greeting, Session, StreamMetrics},
    ledger::{ClientSnapshot, Ledger, ManualClock, Policy, UnknownClients},
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

/// Sends `frames`. One that is empty, or refused, is the end of its stream.
pub fn check(frames: &[u8]) {
    let ledger = ledger();
    let metrics = StreamMetrics::register(&Registry::new()).expect("the only registration");
    let mut frames = Frames(frames).peekable();
    while let Some(first) = frames.peek() {
        let Ok(greeting) = Greeting::read(first.hello.as_ref()) else {
            frames.next();
            continue;
        };
        let mut session = Session::start(greeting, Arc::clone(&ledger), metrics.clone());
        let sent = frames.by_ref().take_while(|frame| *frame != FilterFrame::default());
        for frame in sent {
            if !answer(&mut session, &ledger, frame) {
                break;
            }
        }
        session.close();
        check_balances(&snapshot(&ledger));
    }
}

/// Whether the frame was taken.
fn answer(session: &mut Session, ledger: &Ledger, frame: FilterFrame) -> bool {
    let asks = frame.asks.len();
    let (before, held_before) = (snapshot(ledger), ledger.held());
    let answer = session.answer(frame).now_or_never().expect("ready at once");
    let after = snapshot(ledger);
    check_balances(&after);
    let Ok(answer) = answer else {
        assert_eq!(format!("{before:?}"), format!("{after:?}"), "a part of it took effect");
        assert_eq!(held_before, ledger.held());
        return false;
    };
    assert!(ledger.held() <= held_before + asks, "more is held than was asked for");
    if answer.is_some() {
        assert!(!session.owes_acknowledgement(), "an answer acknowledges what came before it");
        session.told();
    }
    assert_eq!(answer.map_or(0, |answer| answer.verdicts.len()), asks);
    true
}

fn ledger() -> Arc<Ledger> {
    let policy = Policy { unknown_clients: UnknownClients::Deny, ..Policy::default() };
    let ledger = Ledger::new(policy, ManualClock::at(NOW));
    let limits = Limits { rpm: PerMinute::new(RPM).ok(), tpm: PerMinute::new(TPM).ok() };
    let id = ClientId::try_from(CLIENT).expect("an id");
    ledger.configure(&ClientConfig::new(id, limits));
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
