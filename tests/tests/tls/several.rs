//! Several control planes with TLS on one store, and an Envoy that asks them all by its certificate.

use harness::TestStack;
use harness::admin::Admin;
use harness::check;
use harness::control_plane::ControlPlane;
use harness::deadline::eventually;
use harness::http_client::HttpClient;
use harness::load::{Load, Outcome};
use harness::redis::{Kind, Redis};
use harness::tls_tunnel::TlsTunnel;
use serde_json::json;

use crate::world::World;

/// More than a test sends; so slow a window refills next to nothing meanwhile.
const ALL: u64 = 10_000_000;

/// What a request reserves, and what it is told to use.
const ESTIMATE: u64 = 1_000;
const USED: u64 = 30;

/// A way to a control plane's REST API without TLS, for as long as the tunnel is there.
async fn way_to(world: &World, plane: &ControlPlane) -> (TlsTunnel, Admin) {
    let tunnel = TlsTunnel::start(plane.rest_address(), world.authority.der(), None).await;
    let admin = Admin::new(tunnel.address());
    (tunnel, admin)
}

/// One Envoy of two workers that asks two control planes, each by its certificate.
async fn asking_both(world: &World, store: &Redis) -> TestStack {
    let builder = TestStack::builder()
        .setting("STORE_URL", &format!("redis://{}", store.address()))
        .setting("STORE_TIMEOUT_MS", "2000")
        .control_planes(2)
        .asking_all()
        .workers(2);
    let settings = world.settings();
    let with_tls = settings.iter().fold(builder, |all, (name, value)| all.setting(name, value));
    let stack = with_tls.start().await;
    let (_tunnel, first) = way_to(world, &stack.control_plane).await;
    let (_other_tunnel, other) = way_to(world, &stack.other_control_planes[0]).await;
    let all = json!({"match": {}, "each": ["client"], "tokens": ALL, "per": "30d"});
    first.put_limit("all", &all).await;
    first.put_client("a", ALL, None).await;
    eventually("the other one has read it", || async {
        (other.get("a").await.status == 200).then_some(())
    })
    .await;
    stack
}

fn load_on(stack: &TestStack) -> Load {
    let proxy = HttpClient::http1(stack.proxy_address());
    Load::start(8, move || {
        let path = "/v1/chat/completions?prompt_tokens=10&completion_tokens=20";
        let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]});
        proxy.post(path).client("a").tokens(ESTIMATE).json(&body)
    })
}

/// Every request was decided, and passed: how many.
fn all_passed(outcomes: &[Outcome]) -> u64 {
    for outcome in outcomes {
        let status = outcome.as_ref().map(|answer| answer.status.as_u16());
        assert_eq!(status, Ok(200), "of {} requests: {outcome:?}", outcomes.len());
    }
    u64::try_from(outcomes.len()).expect("some")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_is_killed_under_load_and_the_other_decides_by_the_same_certificate() {
    let (world, store) = (World::new(), Redis::start(Kind::Redis, &[]).await);
    let mut stack = asking_both(&world, &store).await;
    let load = load_on(&stack);
    load.wait_for(200, 200).await;
    stack.control_plane.process().kill();
    load.wait_for(300, 200).await;
    stack.control_plane.restart().await;
    stack.other_control_planes[0].process().kill();
    load.wait_for(300, 200).await;
    stack.other_control_planes[0].restart().await;
    let passed = all_passed(&load.stop().await);
    assert_eq!(u64::try_from(stack.upstream.requests().len()), Ok(passed));

    for plane in [&stack.control_plane, &stack.other_control_planes[0]] {
        let (_tunnel, admin) = way_to(&world, plane).await;
        eventually("what was used is what was told, everywhere", || async {
            // What is left of a limit is read from the store with its client's statistics.
            admin.stats("a").await;
            let stats = admin.http().get("/api/v1/limits/all/stats").send().await.json();
            let left = stats["buckets"][0]["remaining"].as_u64()?;
            let expected = ALL - passed * USED;
            // Four tokens a second come back.
            (expected..expected + 400).contains(&left).then_some(())
        })
        .await;
    }
    let handshakes = stack.envoy().stats("cluster.flowguard_decisions.ssl.handshake").await;
    assert!(handshakes.values().sum::<u64>() >= 2, "with each of them: {handshakes:?}");
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envoy_without_a_certificate_is_answered_by_none_of_them() {
    let (world, store) = (World::new(), Redis::start(Kind::Redis, &[]).await);
    let builder = TestStack::builder()
        .setting("STORE_URL", &format!("redis://{}", store.address()))
        .setting("DECISION_TIMEOUT_MS", "1000")
        .setting("UNKNOWN_CLIENTS", "allow")
        .control_planes(2)
        .asking_all();
    let mut settings = world.settings();
    for name in ["ENVOY_CERT_FILE", "ENVOY_KEY_FILE"] {
        settings.insert(name.to_owned(), String::new());
    }
    let with_tls = settings.iter().fold(builder, |all, (name, value)| all.setting(name, value));
    let stack = with_tls.start().await;
    for _ in 0..4 {
        let answer = stack.proxy().get("/").client("a").tokens(1).send().await;
        assert_eq!(answer.status, 503, "{}", answer.text());
    }
    assert!(stack.upstream.requests().is_empty());
}
