//! A store whose replica takes over while requests come.

use harness::TestStack;
use harness::deadline::eventually;
use harness::http_client::HttpClient;
use harness::load::Load;
use harness::redis::Kind;
use harness::redis_pair::RedisPair;
use serde_json::json;

use super::{ESTIMATE, USED, admitted, chat, follows, stack_at};

/// How many requests are under way at a time.
const TASKS: u64 = 16;

/// So slow a window refills next to nothing while a test runs.
const TOKENS: u64 = 100_000_000;

async fn stack_of(pair: &RedisPair) -> TestStack {
    let stack = stack_at(&pair.url(), 2).setting("DECISION_TIMEOUT_MS", "1000").start().await;
    let (first, other) = (stack.admin(), stack.other_control_planes[0].admin());
    let all = json!({"match": {}, "each": ["client"], "tokens": TOKENS, "per": "31d"});
    first.put_limit("all", &all).await;
    first.put_client("a", 1_000_000_000, None).await;
    follows(&other, &first, "a").await;
    stack
}

/// Through both Envoys, each of which has a control plane of its own.
fn load_on(stack: &TestStack) -> Vec<Load> {
    let loads = stack.envoys.iter().map(|envoy| {
        let proxy = HttpClient::http1(envoy.proxy_address());
        Load::start(usize::try_from(TASKS / 2).expect("few"), move || chat(&proxy))
    });
    loads.collect()
}

async fn goes_on(mut pair: RedisPair, dies: bool) {
    let stack = stack_of(&pair).await;
    let loads = load_on(&stack);
    for load in &loads {
        load.wait_for(100, 200).await;
    }
    if dies {
        pair.notice_faults().await;
        pair.servers[0].process().kill();
        pair.wait_until_it_took_over().await;
    } else {
        pair.fail_over().await;
    }
    let planes = [&stack.control_plane, &stack.other_control_planes[0]];
    for plane in planes {
        eventually("it configures the store again", || async {
            let written = plane.admin().put("b", &json!({"rpm": 7})).await;
            written.status.is_success().then_some(())
        })
        .await;
    }
    let mut all = 0;
    for load in loads {
        load.wait_for(100, 200).await;
        all += admitted(&load.stop().await);
    }
    assert_eq!(stack.upstream.requests().len() as u64, all);
    // Each control plane may have decided for as many as were under way of which the other one saw nothing;
    // what was reserved meanwhile may stay charged.
    let expected = TOKENS - all * USED;
    let few = if dies { TASKS * ESTIMATE } else { 0 };
    // As much comes back while the test runs.
    let refilled = 38 * 40;
    for plane in planes {
        let left = eventually("what was used, and little else, is charged", || async {
            plane.admin().stats("a").await;
            let stats = plane.admin().http().get("/api/v1/limits/all/stats").send().await.json();
            let left = stats["buckets"][0]["remaining"].as_u64()?;
            (left <= expected + few + refilled && left + 60 * ESTIMATE >= expected).then_some(left)
        })
        .await;
        println!("{all} admitted, {} tokens too much", i128::from(left) - i128::from(expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_sentinels_another_server_takes_over_and_every_request_is_decided() {
    goes_on(RedisPair::with_sentinels(Kind::Redis, &[]).await, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_cluster_another_server_takes_over_and_every_request_is_decided() {
    goes_on(RedisPair::in_cluster(Kind::Redis, &[]).await, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_cluster_servers_change_in_order_and_every_request_is_decided() {
    goes_on(RedisPair::in_cluster(Kind::Valkey, &[]).await, false).await;
}
