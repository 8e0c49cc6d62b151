//! A worker that goes from one control plane to another while the first one still has something of it.

use std::{collections::HashSet, sync::Arc};

use flowguard::{
    clients::{ClientConfig, Limits},
    decisions::{Greeting, Session, StreamMetrics},
    ledger::{
        Answer, Ask, End, Ledger, Outcome, Policy, RequestKind, Response, SystemClock,
        UnknownClients, Worker, WorkerId,
    },
    store::shared::{
        Committer, Config, Link, SharedConfiguration, SharedStore, StoreFailureMode, StoreMetrics,
        client::Target,
    },
};
use harness::{
    deadline::eventually,
    redis::{Kind, Redis},
    redis_pair::{By, RedisPair},
};
use limiter::{ClientId, PerMinute};
use prometheus::Registry;
use proto::decision::{self, FilterFrame, Hello, Resume, Settle, UsageSource};
use tokio::task::JoinHandle;

use crate::traffic::{PREFIX, target, target_of};

const WORKER: WorkerId = WorkerId(7);

/// As much comes back in ten seconds, which no test takes.
const REFILLED: i64 = 10_000 / 6;

/// What each of these control planes sees of the same store.
pub(crate) fn ledger(redis: &Redis) -> Ledger {
    ledger_at(&target(redis.address().port())).0
}

/// A store as one control plane uses it, and what asks it.
pub(crate) fn store_at(target: &Target) -> (SharedStore, JoinHandle<()>) {
    let link = || Link::new(target.clone(), PREFIX);
    let metrics = StoreMetrics::register(&Registry::new()).expect("metrics of one process");
    let mode = StoreFailureMode::Closed;
    let config = Config { failure_mode: mode, timeout_ms: 10_000, ..Config::default() };
    let (committer, desk) = Committer::new(link(), &config, metrics);
    let desk = tokio::spawn(desk);
    let configuration = Arc::new(SharedConfiguration::new(link()));
    (SharedStore::new(configuration, committer, Arc::new(link())), desk)
}

/// What each of these control planes sees of the same store, and what asks the store for it.
pub(crate) fn ledger_at(target: &Target) -> (Ledger, JoinHandle<()>) {
    let (store, desk) = store_at(target);
    let ledger = Ledger::sharing(Policy::default(), SystemClock::start(), store, false);
    let limits = Limits { rpm: None, tpm: Some(PerMinute::of::<10_000>()) };
    let id = ClientId::try_from("alice").expect("an id");
    ledger.configure(&ClientConfig::new(id, limits));
    (ledger, desk)
}

/// The worker comes on its stream of this number, and still has these requests.
pub(crate) async fn comes(ledger: &Ledger, stream: u64, has: &[u32]) -> Arc<Worker> {
    assert!(ledger.begin_stream(WORKER, stream));
    let worker = ledger.join(WORKER);
    ledger.take_over_from_others(&worker).await.expect("the store answers");
    let has: HashSet<_> = has.iter().copied().collect();
    ledger.resume(&worker, &has).await;
    worker
}

pub(crate) async fn asks(ledger: &Ledger, worker: &Worker, id: u32) -> Answer {
    let estimate = limiter::Tokens::new(100).ok();
    let (kind, model) = (RequestKind::Generates, None);
    ledger.decide(worker, &[Ask { id, client: "alice", estimate, kind, model }]).await.remove(0)
}

pub(crate) fn is_admitted(answer: &Answer) -> bool {
    matches!(answer, Answer::Admitted { .. })
}

pub(crate) fn over() -> End {
    let (outcome, observed) = (Outcome::Completed, limiter::Tokens::ZERO);
    End::Settled(Response { outcome, told: None, observed, duration_us: None })
}

/// What all control planes together counted and have left.
pub(crate) async fn stands(ledger: &Ledger) -> (u64, i64) {
    let alice = [ClientId::try_from("alice").expect("an id")];
    ledger.refresh(&alice).await.expect("the store answers");
    let snapshot = ledger.snapshot("alice").expect("it is configured");
    let left = snapshot.standing.tokens.expect("it has a limit").whole();
    (snapshot.record.over_all_processes().tokens_used, left)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_two_control_planes_are_told_takes_effect_and_is_counted_once() {
    let redis = Redis::start(Kind::Redis, &[]).await;
    let (first, other) = (ledger(&redis), ledger(&redis));
    let before = comes(&first, 1, &[]).await;
    assert!(is_admitted(&asks(&first, &before, 1).await));
    let after = comes(&other, 2, &[1]).await;
    assert!(after.holds(1), "it was taken over");
    let told =
        [first.end(&before, vec![(1, over())]).await, other.end(&after, vec![(1, over())]).await];
    assert_eq!(told.map(|ended| ended.len()), [1, 0]);
    for ledger in [&first, &other] {
        ledger.tell_tallies().await;
    }
    let (used, _) = stands(&first).await;
    assert_eq!(stands(&other).await.0, used);
    assert_eq!(used, 100, "a response without usage costs what it reserved");
}

/// A control plane is killed that has decided for a worker, which goes on with the other one: nothing is charged
/// twice or forgotten, and the end gives back what the request did not use.
pub(crate) async fn check_that_requests_of_a_killed_one_go_on(by: By, kind: Kind) {
    if !kind.is_here() {
        return;
    }
    let pair = RedisPair::start(by, kind, &[]).await;
    let target = target_of(&pair.url());
    let ((first, desk), (other, _desk)) = (ledger_at(&target), ledger_at(&target));
    let before = comes(&first, 1, &[]).await;
    for id in 1..=50 {
        assert!(is_admitted(&asks(&first, &before, id).await), "{id}");
    }
    desk.abort();
    drop((first, before));
    let all: Vec<_> = (1..=50).collect();
    let after = comes(&other, 2, &all).await;
    let (_, left) = stands(&other).await;
    assert!((5_000..5_000 + REFILLED).contains(&left), "{left}: each is charged once");
    // Of half of them nothing was forwarded.
    let ended = all.iter().map(|id| (*id, if id % 2 == 0 { End::Canceled } else { over() }));
    assert_eq!(other.end(&after, ended.collect()).await.len(), 50);
    let (_, left) = stands(&other).await;
    assert!((7_500..7_500 + REFILLED).contains(&left), "{left}: what was not used came back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_a_control_plane_that_is_killed_go_on_with_another_one() {
    for kind in Kind::all_here() {
        check_that_requests_of_a_killed_one_go_on(By::Nobody, kind).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_on_a_stream_that_is_over_is_neither_admitted_nor_charged() {
    let redis = Redis::start(Kind::Redis, &[]).await;
    let (first, other) = (ledger(&redis), ledger(&redis));
    let before = comes(&first, 1, &[]).await;
    let after = comes(&other, 2, &[]).await;
    assert_eq!(asks(&first, &before, 1).await, Answer::Unavailable);
    assert!(is_admitted(&asks(&other, &after, 1).await), "it is asked again where its worker is");
    let (_, left) = stands(&other).await;
    assert!((9_900..9_950).contains(&left), "{left}: charged once");
}

/// It was deleted there meanwhile, for example. Its request counted as held for ever, and held nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_of_a_client_that_is_denied_where_its_worker_goes_is_not_held_there() {
    let redis = Redis::start(Kind::Redis, &[]).await;
    let first = ledger(&redis);
    let before = comes(&first, 1, &[]).await;
    assert!(is_admitted(&asks(&first, &before, 1).await));
    let (store, _desk) = store_at(&target(redis.address().port()));
    let policy = Policy { unknown_clients: UnknownClients::Deny, ..Policy::default() };
    let other = Ledger::sharing(policy, SystemClock::start(), store, false);
    let after = comes(&other, 2, &[1]).await;
    assert!(!after.holds(1), "nobody there knows its client");
    assert_eq!(other.held(), 0);
}

/// The worker comes on its stream of this number, and holds request 1.
async fn greets(ledger: &Arc<Ledger>, stream: u64) -> Session {
    let worker = WORKER.0.to_be_bytes().to_vec();
    let hello = Hello { protocol_version: 1, worker, stream, ..Hello::default() };
    let greeting = Greeting::read(Some(&hello)).expect("a greeting");
    assert!(ledger.begin_stream(WORKER, stream));
    let metrics = StreamMetrics::register(&Registry::new()).expect("metrics of one process");
    let mut session = Session::start(greeting, Arc::clone(ledger), metrics);
    let resume = Some(Resume { ids: vec![1], more: false });
    let frame = FilterFrame { hello: Some(hello), resume, ..FilterFrame::default() };
    session.answer(frame).await.expect("a frame as workers send it");
    session
}

fn ends(id: u32, used_tokens: u64) -> FilterFrame {
    let settle = Settle {
        id,
        outcome: decision::Outcome::Completed.into(),
        usage: UsageSource::Completions.into(),
        used_tokens: Some(used_tokens),
        ..Settle::default()
    };
    FilterFrame { settles: vec![settle], number: 1, ..FilterFrame::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_worker_holds_is_read_when_the_store_is_back_and_ends_as_it_was_told_meanwhile() {
    let always = ["--appendonly", "yes", "--appendfsync", "always"];
    let mut redis = Redis::start(Kind::Redis, &always).await;
    let first = ledger(&redis);
    let before = comes(&first, 1, &[]).await;
    assert!(is_admitted(&asks(&first, &before, 1).await));
    redis.process().kill();
    let other = Arc::new(ledger(&redis));
    let away = || async { other.store_is_away().then_some(()) };
    eventually("that the store is away", away).await;
    let mut session = greets(&other, 2).await;
    session.answer(ends(1, 150)).await.expect("a frame as workers send it");
    let told_early = session.acknowledge().await.map_or(0, |frame| frame.acknowledged);
    assert_eq!(told_early, 0, "the worker may not forget how it ended");

    redis.restart().await;
    let session = tokio::sync::Mutex::new(session);
    let acknowledged = || async {
        let answer = session.lock().await.acknowledge().await;
        answer.filter(|answer| answer.acknowledged == 1).map(drop)
    };
    eventually("an acknowledgement", acknowledged).await;
    assert!(!session.lock().await.owes_acknowledgement());
    other.tell_tallies().await;
    let (used, left) = stands(&other).await;
    assert!((9_850..9_900).contains(&left), "{left}: all is charged that was used");
    assert_eq!(used, 150);
}
