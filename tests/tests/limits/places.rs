//! Requests at a time: a place comes back in every ending, whatever dies.

use std::time::Duration;

use harness::TestStack;
use harness::deadline::{eventually, eventually_equal};
use harness::http_client::HttpClient;
use serde_json::json;
use tokio::task::JoinSet;

use super::{ask, limits_of};

const PLACES: usize = 8;
const REQUESTS: usize = 1_000;
const TASKS: usize = 100;
const CUTS: usize = 5;

/// How a request ends: what it asks of the upstream, and whether its client leaves in the middle.
const ENDINGS: [(&str, bool); 7] = [
    ("completion_tokens=1&delay_ms=10", false),
    ("chunks=3&delay_ms=5", false),
    ("status=500&delay_ms=10", false),
    ("status=429&delay_ms=10", false),
    ("abort_after=0", false),
    ("chunks=50&delay_ms=20", true),
    ("delay_ms=40", false),
];

#[tokio::test(flavor = "multi_thread")]
async fn never_more_than_eight_at_a_time_and_all_eight_free_at_rest_in_every_ending() {
    let stack = TestStack::builder().envoys(2).workers(2).with_relay().start().await;
    stack.admin().put_client("a", None, None).await;
    stack
        .admin()
        .put_limit("running", &json!({"match": {}, "each": ["client"], "concurrent": PLACES}))
        .await;

    all_places_are_taken(&stack).await;

    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let proxy = HttpClient::http1(stack.envoys[task % 2].proxy_address());
        tasks.spawn(async move {
            let mut refused = 0_usize;
            for number in (task..REQUESTS).step_by(TASKS) {
                let (query, leaves) = ENDINGS[number % ENDINGS.len()];
                loop {
                    let mut request = ask(&proxy, "a", "m", query).tokens(1);
                    if query.contains("chunks") {
                        request = request.json(&json!({"stream": true, "messages": []}));
                    }
                    let mut answer = request.open().await;
                    let code = answer.headers().get("retry-after-ms");
                    if answer.status() == 429 && code.is_some_and(|ms| ms == "1000") {
                        refused += 1;
                        while answer.next_chunk().await.is_some() {}
                        pause().await;
                        continue;
                    }
                    if !leaves {
                        while let Some(Ok(_)) = answer.next_chunk().await {}
                    }
                    break;
                }
            }
            refused
        });
    }
    let relay = stack.relay.as_ref().expect("a relay");
    for _ in 0..CUTS {
        pause_between_cuts().await;
        relay.cut_open_connections();
    }
    let refused: usize = tasks.join_all().await.into_iter().sum();
    assert!(refused > 0, "nobody had to wait for a place");
    // An answer that has not begun holds a place for sure.
    assert_eq!(stack.upstream.most_unanswered(), PLACES, "at a time");
    eventually_equal("all places are free", json!(PLACES), || async {
        limits_of(&stack, "a").await["running"]["remaining"].clone()
    })
    .await;
}

/// As many requests as there are places are under way at once, and the next one is refused.
async fn all_places_are_taken(stack: &TestStack) {
    let gate = stack.upstream.gate("places");
    let proxy = stack.proxy();
    let mut held = JoinSet::new();
    for _ in 0..PLACES {
        held.spawn(ask(&proxy, "a", "m", "gate=places").tokens(1).send());
    }
    eventually("all places are taken", || async {
        (stack.upstream.requests().len() == PLACES).then_some(())
    })
    .await;
    let one_more = ask(&proxy, "a", "m", "").tokens(1).send().await;
    assert_eq!(one_more.status, 429);
    assert_eq!(one_more.json()["error"], json!("concurrency_exceeded"));
    gate.open();
    for answer in held.join_all().await {
        assert_eq!(answer.status, 200);
    }
}

#[expect(clippy::disallowed_methods, reason = "paces those who wait for a place")]
async fn pause() {
    tokio::time::sleep(Duration::from_millis(30)).await;
}

#[expect(clippy::disallowed_methods, reason = "spreads the cuts over the time of the requests")]
async fn pause_between_cuts() {
    tokio::time::sleep(Duration::from_millis(400)).await;
}
