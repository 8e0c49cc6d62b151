//! One Envoy that has several control planes in its configuration, of which some come and go.

use harness::TestStack;
use harness::control_plane::ControlPlane;
use harness::deadline::eventually;
use harness::http_client::HttpClient;
use harness::load::Load;
use harness::redis::{Kind, Redis};
use serde_json::json;

use super::{USED, admitted, chat, follows, stack_on};

/// One Envoy of two workers that asks two control planes, which decide over client `a`.
async fn asking_both(store: &Redis) -> TestStack {
    let stack = stack_on(store, 2)
        .envoys(1)
        .asking_all()
        // It is about control planes, and not about a machine that is busy with other tests.
        .setting("DECISION_TIMEOUT_MS", "5000")
        .setting("STORE_TIMEOUT_MS", "2000")
        .start()
        .await;
    let (first, other) = (stack.admin(), stack.other_control_planes[0].admin());
    // So slow a window refills next to nothing while a test runs.
    let all = json!({"match": {}, "each": ["client"], "tokens": 10_000_000_u64, "per": "30d"});
    first.put_limit("all", &all).await;
    first.put_client("a", 10_000_000, None).await;
    follows(&other, &first, "a").await;
    stack
}

fn load_on(stack: &TestStack) -> Load {
    let proxy = HttpClient::http1(stack.proxy_address());
    Load::start(8, move || chat(&proxy))
}

/// Waits until both control planes tell what the upstream counted, and nothing is open any more.
async fn all_is_settled(stack: &TestStack, admitted: u64) {
    let upstream = u64::try_from(stack.upstream.requests().len()).expect("some");
    assert_eq!(upstream, admitted);
    let planes = [&stack.control_plane, &stack.other_control_planes[0]];
    eventually("what was used is what the upstream counted, everywhere", || async {
        let mut left = Vec::new();
        for plane in planes {
            // What is left of a limit is read from the store with its client's statistics.
            plane.admin().stats("a").await;
            let stats = plane.admin().http().get("/api/v1/limits/all/stats").send().await.json();
            left.push(stats["buckets"][0]["remaining"].as_u64()?);
        }
        let expected = 10_000_000 - admitted * USED;
        // Four tokens a second come back.
        let is_right = |left: &u64| (expected..expected + 400).contains(left);
        (left.iter().all(is_right) && left[0].abs_diff(left[1]) < 40).then_some(())
    })
    .await;
}

async fn restarted_in_order(plane: &mut ControlPlane) {
    plane.process().terminate();
    let status = plane.process().wait_for_exit().await;
    assert!(status.success(), "{status}");
    plane.restart().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_that_is_killed_is_left_for_another_and_no_request_notices() {
    let store = Redis::start(Kind::Redis, &[]).await;
    let mut stack = asking_both(&store).await;
    let load = load_on(&stack);
    load.wait_for(200, 200).await;
    stack.control_plane.process().kill();
    load.wait_for(400, 200).await;
    stack.control_plane.restart().await;
    let outcomes = load.stop().await;
    let admitted = admitted(&outcomes);
    all_is_settled(&stack, admitted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_of_all_control_planes_leaves_no_request_without_a_decision() {
    let store = Redis::start(Kind::Redis, &[]).await;
    let mut stack = asking_both(&store).await;
    let load = load_on(&stack);
    for _ in 0..2 {
        load.wait_for(100, 200).await;
        restarted_in_order(&mut stack.control_plane).await;
        restarted_in_order(&mut stack.other_control_planes[0]).await;
    }
    load.wait_for(100, 200).await;
    let outcomes = load.stop().await;
    let admitted = admitted(&outcomes);
    let failures = stack.envoy().metrics("flowguard_failures").await;
    assert!(failures.sum("flowguard_failures", &[("cause", "stream_lost")]) < 1.0);
    all_is_settled(&stack, admitted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_killed_as_soon_as_the_other_is_back_is_left_for_that() {
    let store = Redis::start(Kind::Redis, &[]).await;
    let mut stack = asking_both(&store).await;
    let load = load_on(&stack);
    load.wait_for(200, 200).await;
    stack.control_plane.process().kill();
    load.wait_for(100, 200).await;
    stack.control_plane.restart().await;
    stack.other_control_planes[0].process().kill();
    load.wait_for(200, 200).await;
    stack.other_control_planes[0].restart().await;
    let outcomes = load.stop().await;
    let admitted = admitted(&outcomes);
    all_is_settled(&stack, admitted).await;
}
