//! Events beside real traffic: what is told is what happened, soon after it did.

use std::time::{Duration, Instant};

use harness::TestStack;
use harness::check;
use harness::events::EventReader;
use harness::http_client::HttpClient;
use serde_json::{Value, json};

/// How old figures may be.
const OLD_MAX: Duration = Duration::from_secs(2);

/// The clients that this test listens to.
const QUERY: &str = "?client=acme*";

fn left(client: &Value, name: &str) -> u64 {
    let limits = client["limits"].as_array().expect("limits");
    let limit = limits.iter().find(|limit| limit["name"] == name).expect("the limit");
    limit["remaining"].as_u64().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_told_within_two_seconds_and_an_envoy_that_comes_back_says_how_long() {
    let mut stack = TestStack::builder().workers(2).start().await;
    let rest = HttpClient::one_connection_each(stack.control_plane.rest_address());
    let mut reader = EventReader::open(&rest, QUERY, None, None).await;
    let ready = reader.next().await.expect("an event");
    assert_eq!(ready.name, "ready");

    stack.admin().put_client("acme", Some(10), Some(100_000)).await;
    let told = reader.until("config", |_| true).await.data;
    assert_eq!(told["object"], "client/acme");

    // The truth is what the proxy answered.
    let (mut admitted, mut refused) = (0, 0);
    for _ in 0..15 {
        match stack.proxy().post("/test").client("acme").tokens(10).send().await.status.as_u16() {
            200 => admitted += 1,
            429 => refused += 1,
            other => panic!("{other}"),
        }
    }
    let asked = Instant::now();
    assert!(admitted >= 10 && refused > 0, "{admitted} and {refused}");
    let told = reader
        .client("clients", "acme", |told| {
            told["success_requests"] == admitted && told["rpm_dropped"] == refused
        })
        .await;
    assert!(asked.elapsed() < OLD_MAX, "after {:?}: {told}", asked.elapsed());
    assert!(left(&told, "rpm") <= 1, "{told}");
    let told = reader.client("refusals", "acme", |_| true).await;
    assert_eq!(told["rpm"], told["requests"], "{told}");

    // An Envoy that goes is a worker that goes.
    let mut workers = EventReader::open(&rest, "?topics=workers", None, None).await;
    let ready = workers.next().await.expect("an event").data;
    let known = ready["workers"].as_array().expect("workers").len();
    assert!(known >= 1, "{ready}");
    assert_eq!(ready["workers"][0]["mode"], json!("enforce"));
    stack.envoys[0].process().terminate();
    for _ in 0..known {
        workers.until("workers", |data| data["change"] == "left").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_busy_clients_are_told_beside_all_others_requests() {
    let stack = TestStack::builder().setting("UNKNOWN_CLIENTS", "allow").start().await;
    let document: Value = {
        let clients = (0..10_000).map(|n| (format!("c{n}"), json!({ "rpm": 1_000 })));
        json!({ "clients": clients.collect::<serde_json::Map<_, _>>() })
    };
    let rest = HttpClient::one_connection_each(stack.control_plane.rest_address());
    let put = rest.request(http::Method::PUT, "/api/v1/config").json(&document).send().await;
    assert_eq!(put.status, 200, "{}", put.text());
    let mut all = EventReader::open(&rest, "?topics=clients", None, None).await;
    let mut one = EventReader::open(&rest, "?topics=clients&client=c9999", None, None).await;
    for reader in [&mut all, &mut one] {
        assert_eq!(reader.next().await.expect("an event").name, "ready");
    }
    for n in (0..200).chain([9_999]) {
        check::admitted(&stack.proxy().post("/").client(&format!("c{n}")).tokens(1).send().await);
    }
    let asked = Instant::now();
    one.client("clients", "c9999", |_| true).await;
    assert!(asked.elapsed() < OLD_MAX, "{:?}", asked.elapsed());
    all.client("clients", "c9999", |_| true).await;
    assert!(asked.elapsed() < OLD_MAX, "{:?}", asked.elapsed());
}
