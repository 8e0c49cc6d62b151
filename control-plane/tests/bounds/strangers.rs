//! Ids that nobody configured: however many come, they leave nothing behind.

use std::{ops::Range, sync::Arc};

use flowguard::{
    ledger::{Ledger, Policy, SystemClock, UnknownClients},
    store::NoStore,
};
use limiter::PerMinute;
use proto::decision::{Decision, Drop, FilterFrame, Outcome, Settle, Verdict};

use crate::{
    ALONE,
    http1::{get, text},
    memory::allocated_bytes,
    served::{Served, serve},
    worker::Worker,
};

/// As many as a frame may ask for.
const ASKS: usize = 64;

/// What may be allocated anew by then: buffers grow now and then, and a byte an id would be more.
const GROWTH_BYTES_MAX: isize = 256 * 1024;

const SCALED: usize = 100_000;
const WHOLE: usize = 1_000_000;

/// As long as an id may be.
fn stranger(number: usize) -> String {
    format!("stranger-{number:0>119}")
}

/// Each of them asks once; what was admitted ends with the next frame.
async fn ask(worker: &mut Worker, strangers: Range<usize>) {
    let mut ends = FilterFrame::default();
    let mut next = strangers.start;
    while next < strangers.end {
        let end = strangers.end.min(next + ASKS);
        let verdicts = worker.decide((next..end).map(stranger), ends).await;
        assert_eq!(verdicts.len(), end - next);
        ends = FilterFrame {
            settles: verdicts.iter().filter_map(settle).collect(),
            drops: vec![dropped(stranger(next))],
            ..FilterFrame::default()
        };
        next = end;
    }
    worker.decide([stranger(strangers.start)], ends).await;
}

fn settle(verdict: &Verdict) -> Option<Settle> {
    (verdict.decision() == Decision::Admitted).then(|| Settle {
        id: verdict.id,
        outcome: Outcome::Completed.into(),
        ..Settle::default()
    })
}

fn dropped(client_id: String) -> Drop {
    Drop { client_id, decision: Decision::RpmExceeded.into(), requests: 1, ..Drop::default() }
}

/// The metrics page's series, without their values.
async fn series(served: &Served) -> Vec<String> {
    let answer = get(served.metrics, "/metrics").await;
    let page = text(answer).await;
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.rsplit_once(' ')).map(|(series, _)| series.to_owned()).collect()
}

async fn check_strangers(strangers: usize, unknown_clients: UnknownClients) {
    let policy = Policy { unknown_clients, ..Policy::default() };
    let ledger = Arc::new(Ledger::new(policy, SystemClock::start()));
    let served = serve(Arc::clone(&ledger), NoStore::default()).await;
    let mut worker = Worker::open(served.decision).await;
    // The first ones, so that every buffer and every series is there that is there for all.
    let first = strangers / 20;
    ask(&mut worker, 0..first).await;
    let series_before = series(&served).await;
    let before = allocated_bytes();

    ask(&mut worker, first..strangers).await;
    let growth = allocated_bytes() - before;
    println!("{unknown_clients:?}: {strangers} strangers, {growth} bytes more");
    assert!(growth < GROWTH_BYTES_MAX, "{unknown_clients:?}: {growth} bytes more");
    assert_eq!(series(&served).await, series_before, "{unknown_clients:?}");
    assert!(ledger.is_empty(), "{unknown_clients:?}");
}

async fn check_all_policies(strangers: usize) {
    let _alone = ALONE.lock().await;
    let limit = |per_minute| PerMinute::new(per_minute).expect("a limit");
    let shared = UnknownClients::Shared { rpm: limit(60), tpm: limit(1_000) };
    for unknown_clients in [shared, UnknownClients::Deny, UnknownClients::Allow] {
        check_strangers(strangers, unknown_clients).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_leave_neither_memory_nor_series_behind() {
    check_all_policies(SCALED).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn a_million_strangers_leave_neither_memory_nor_series_behind() {
    check_all_policies(WHOLE).await;
}
