//! Workers that come and go.

use std::sync::Arc;

use flowguard::decisions::{Greeting, Session, StreamMetrics};
use harness::deadline::eventually;
use prometheus::Registry;
use proto::{
    DECISION_PROTOCOL_VERSION,
    decision::{Hello, Mode},
};
use serde_json::json;

use crate::world::World;

fn hello(worker: Vec<u8>, stream: u64) -> Hello {
    Hello {
        protocol_version: DECISION_PROTOCOL_VERSION,
        worker,
        stream,
        node: "envoy \"1\"\n<b>".to_owned(),
        mode: Mode::Enforce.into(),
        version: "1.2.3".to_owned(),
        ..Hello::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_comes_goes_and_comes_back_is_told_with_the_time_that_it_was_away() {
    let world = World::start().await;
    let metrics = StreamMetrics::register(&Registry::new()).expect("metrics");
    let metrics = metrics.telling(Arc::clone(world.operator.events()));
    let start = |hello: &Hello| {
        let greeting = Greeting::read(Some(hello)).expect("a greeting");
        let worker = greeting.worker();
        (Session::start(greeting, Arc::clone(&world.ledger), metrics.clone()), worker)
    };
    let mut reader = world.listen("?topics=workers,failures").await;
    let (session, worker) = start(&hello(Vec::new(), 1));
    let told = reader.until("workers", |_| true).await.data;
    assert_eq!((&told["change"], &told["workers"]), (&json!("joined"), &json!(1)));
    assert_eq!((&told["mode"], &told["version"]), (&json!("enforce"), &json!("1.2.3")));
    assert_eq!(told["node"], "envoy \"1\"\\n<b>", "as text, in one line");
    let name = format!("{:032x}", worker.0);
    let shown = told["worker"].as_str().expect("a name");
    assert_eq!(shown, &name[..8], "no more of its name than tells it apart");

    session.close();
    let left = reader.until("workers", |_| true).await.data;
    assert_eq!((&left["change"], &left["workers"]), (&json!("left"), &json!(0)));
    let began = world.ledger.now();
    eventually("some time", || {
        let passed = world.ledger.now().0 - began.0;
        async move { (passed >= 50).then_some(()) }
    })
    .await;
    let (_session, _) = start(&hello(worker.0.to_be_bytes().to_vec(), 2));
    let away = reader.until("failures", |_| true).await.data;
    assert_eq!((&away["what"], &away["worker"]), (&json!("worker_away"), &told["worker"]));
    let seconds = away["seconds"].as_f64().expect("how long");
    assert!((0.05..20.0).contains(&seconds), "{away}");

    let mut reader = harness::events::EventReader::open(&world.rest(), "", None, None).await;
    let ready = reader.next().await.expect("an event").data;
    assert_eq!(ready["workers"][0]["worker"], told["worker"], "{ready}");
    assert_eq!((&ready["replicas"], &ready["store_is_away"]), (&json!(1), &json!(null)));
    assert!(ready["replica"].as_str().is_some_and(|replica| replica.len() > 8), "{ready}");
}
