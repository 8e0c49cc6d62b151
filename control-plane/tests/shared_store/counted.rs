//! What a control plane counts of the store that it shares.

use std::sync::Arc;

use flowguard::store::shared::{StoreFailureMode, Wish};
use harness::{
    deadline::eventually,
    metrics::Metrics,
    redis::{Kind, Redis},
};

use crate::{
    liar::Liar,
    traffic::{Plane, TOKENS, config, end, of_tokens, target, wish, worker},
};

fn value(metrics: &Metrics, name: &str) -> f64 {
    metrics.sum(&format!("flowguard_store_{name}"), &[])
}

#[track_caller]
fn check(metrics: &Metrics, name: &str, expected: f64) {
    assert!((value(metrics, name) - expected).abs() < 0.5, "{name} of {metrics:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_well_is_a_call_with_its_operations_and_no_failure() {
    let redis = Redis::start(Kind::Redis, &[]).await;
    let plane = Plane::start(&target(redis.address().port()), &config(StoreFailureMode::Closed));
    let requests: Vec<_> =
        (0..20).map(|id| wish(&worker(1), id, vec![of_tokens(TOKENS, 1)])).collect();
    let wishes = requests.iter().cloned().map(|wish| Wish::Decide(Arc::new(wish))).collect();
    let decided = plane.committer.carry_out(wishes).await;
    assert!(decided.iter().all(Result::is_ok), "{decided:?}");
    let metrics = plane.metrics();
    check(&metrics, "call_operations_sum", 20.0);
    let calls = value(&metrics, "call_operations_count");
    assert!((1.0..=20.0).contains(&calls), "{calls}");
    // One more by which the connection was tried out.
    check(&metrics, "call_duration_seconds_count", calls + 1.0);
    for name in ["call_failures_total", "undecided_total", "disagreements_total", "merges_total"] {
        check(&metrics, name, 0.0);
    }
    check(&metrics, "circuit_open", 0.0);
    check(&metrics, "queue_length", 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_by_another_rule_is_counted_and_not_believed() {
    let redis = Redis::start(Kind::Redis, &[]).await;
    let liar = Liar::start(redis.address()).await;
    let modes = [(StoreFailureMode::Closed, "closed"), (StoreFailureMode::Local, "local")];
    for (number, (mode, word)) in (1..).zip(modes) {
        let plane = Plane::start(&target(liar.address().port()), &config(mode));
        let request = wish(&worker(number), 1, vec![of_tokens(word.as_bytes(), 7)]);
        let decided = plane.decide(&request).await;
        assert_eq!(decided.is_some(), mode == StoreFailureMode::Local, "{decided:?}");
        let metrics = plane.metrics();
        check(&metrics, "disagreements_total", 1.0);
        check(&metrics, "undecided_total", 1.0);
        let of_mode = metrics.value("flowguard_store_undecided_total", &[("mode", word)]);
        assert_eq!(of_mode.map(|value| value > 0.5), Some(true), "{metrics:?}");
        // It answers, and nobody says that it is away.
        check(&metrics, "circuit_open", 0.0);
        check(&metrics, "call_failures_total", 0.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_goes_away_unasked_is_missed_and_one_that_comes_back_is_told_what_was_seen() {
    let mut redis = Redis::start(Kind::Redis, &[]).await;
    let plane = Plane::start(&target(redis.address().port()), &config(StoreFailureMode::Local));
    let request = wish(&worker(1), 1, vec![of_tokens(TOKENS, 7)]);
    let decided = plane.decide(&request).await.expect("an answer");
    plane.one(Wish::End(Box::new(end(&request, &decided, 7)))).await.expect("it has ended");
    redis.process().kill();
    eventually("it is missed, though nobody asks", || {
        let metrics = plane.metrics();
        async move { (value(&metrics, "circuit_open") > 0.5).then_some(()) }
    })
    .await;
    let request = wish(&worker(1), 2, vec![of_tokens(TOKENS, 7)]);
    assert!(plane.decide(&request).await.is_some(), "it is decided here");
    let metrics = plane.metrics();
    check(&metrics, "undecided_total", 1.0);
    assert!(value(&metrics, "call_failures_total") > 0.5, "{metrics:?}");
    assert!(plane.committer.why_away().borrow().is_some());

    redis.restart().await;
    eventually("it is back", || {
        let metrics = plane.metrics();
        async move { (value(&metrics, "circuit_open") < 0.5).then_some(()) }
    })
    .await;
    check(&plane.metrics(), "merges_total", 1.0);
    assert_eq!(*plane.committer.why_away().borrow(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn control_planes_and_replicas_are_counted() {
    let redis = Redis::start(Kind::Redis, &["--repl-diskless-sync-delay", "0"]).await;
    let port = redis.address().port();
    let replica_of = format!("127.0.0.1 {port}");
    let _replica = Redis::start(Kind::Redis, &["--replicaof", &replica_of]).await;
    eventually("a replica", || async {
        let info = redis.command(&[b"INFO", b"replication"]).await;
        String::from_utf8_lossy(&info).contains("connected_slaves:1").then_some(())
    })
    .await;
    let planes = [(); 3].map(|()| Plane::start(&target(port), &config(StoreFailureMode::Local)));
    for plane in planes {
        eventually("all are counted", || {
            let metrics = plane.metrics();
            let of_both = (value(&metrics, "control_planes"), value(&metrics, "replicas"));
            async move { (of_both == (3.0, 1.0)).then_some(()) }
        })
        .await;
    }
}
