//! What is kept of decisions that a store took, to be told: what this control plane decided, and of what
//! it took over the end.

use flowguard::ledger::{DecisionsKept, End, Ledger, Policy, SystemClock};
use harness::redis::{Kind, Redis};
use limiter::{ClientId, PerMinute, Tokens};
use tokio::task::JoinHandle;

use crate::{
    moved::{asks, comes, is_admitted, over, store_at},
    traffic::target,
};

/// A control plane that keeps what it decides.
fn keeping(redis: &Redis) -> (Ledger, JoinHandle<()>) {
    let (store, desk) = store_at(&target(redis.address().port()));
    let ledger = Ledger::sharing(Policy::default(), SystemClock::start(), store, false);
    let ledger = ledger.keeping(DecisionsKept { max: 1_000 });
    let limits = flowguard::clients::Limits { rpm: None, tpm: Some(PerMinute::of::<250>()) };
    let id = ClientId::try_from("alice").expect("an id");
    ledger.configure(&flowguard::clients::ClientConfig::new(id, limits));
    (ledger, desk)
}

fn tokens(tokens: u64) -> Option<Tokens> {
    Tokens::new(tokens).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_store_decided_is_told_where_it_was_asked_and_an_end_where_it_was_told() {
    let redis = Redis::start(Kind::Redis, &[]).await;
    let ((first, _desk), (other, _other_desk)) = (keeping(&redis), keeping(&redis));
    let worker = comes(&first, 1, &[]).await;
    for id in 1..=2 {
        assert!(is_admitted(&asks(&first, &worker, id).await), "{id}");
    }
    assert!(!is_admitted(&asks(&first, &worker, 3).await));
    assert_eq!(first.end(&worker, vec![(1, End::Canceled)]).await.len(), 1);
    let worker = comes(&other, 2, &[2]).await;
    assert_eq!(other.end(&worker, vec![(2, over())]).await.len(), 1);

    let told = first.decisions_of("alice", None, 10).expect("they are kept").decisions;
    let verdicts: Vec<_> = told.iter().map(|of| (of.verdict(), of.used)).collect();
    assert_eq!(verdicts, [("refused", None), ("passed", None), ("passed", tokens(0))]);
    let refusal = told[0].refusal.as_ref().map(|(limit, _)| &**limit);
    assert_eq!((refusal, told[0].reserved), (Some("tpm"), tokens(100).expect("few")));
    assert!(told[2].duration_ms().is_some(), "its end was told here");
    let elsewhere = other.decisions_of("alice", None, 10).expect("they are kept").decisions;
    assert_eq!(elsewhere, [], "they were decided at the first one");

    let of = |ledger: &Ledger| {
        let history = ledger.history_of("alice").expect("they are kept");
        let sum =
            |of: fn(&flowguard::ledger::HistoryPoint) -> u64| history.points.iter().map(of).sum();
        let sums: [u64; 4] =
            [sum(|of| of.requests), sum(|of| of.refused), sum(|of| of.reserved), sum(|of| of.used)];
        sums
    };
    assert_eq!(of(&first), [3, 1, 200, 0]);
    assert_eq!(of(&other), [0, 0, 0, 100], "a response without usage costs what it reserved");
}
