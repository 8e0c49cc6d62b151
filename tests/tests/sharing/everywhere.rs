//! What one control plane knows or does, all of them know.

use harness::admin::ClientStats;
use harness::deadline::eventually;
use harness::http_client::HttpClient;
use harness::redis::{Kind, Redis};
use serde_json::json;

use super::{follows, stack_on};

#[tokio::test(flavor = "multi_thread")]
async fn statistics_and_a_reset_are_the_same_from_every_control_plane() {
    let store = Redis::start(Kind::Redis, &[]).await;
    let stack = stack_on(&store, 2).start().await;
    let (first, other) = (stack.admin(), stack.other_control_planes[0].admin());
    stack.admin().put_client("a", 100, 10_000).await;
    follows(&other, &first, "a").await;
    for envoy in &stack.envoys {
        let proxy = HttpClient::http1(envoy.proxy_address());
        for _ in 0..5 {
            let path = "/v1/chat/completions?prompt_tokens=10&completion_tokens=20";
            let body = json!({"messages": [{"role": "user", "content": "hello"}]});
            let answer = proxy.post(path).client("a").tokens(1_000).json(&body).send().await;
            assert_eq!(answer.status, 200);
        }
    }
    eventually("both tell the same of all requests", || async {
        let (here, there) = (first.stats("a").await, other.stats("a").await);
        let told = |stats: &ClientStats| (stats.total_requests, stats.tokens_used);
        (told(&here) == (10, 300) && told(&there) == (10, 300)).then_some(())
    })
    .await;
    // What dashboards add up is each one's own.
    let mut requests = 0.0;
    for control_plane in [&stack.control_plane].into_iter().chain(&stack.other_control_planes) {
        let metrics = control_plane.metrics().await;
        let of_a = metrics.sum("flowguard_requests_total", &[("client_id", "a")]);
        assert!((5.0..10.0).contains(&of_a), "{of_a}");
        requests += of_a;
    }
    assert!((9.5..10.5).contains(&requests), "{requests} of 10 requests");
    for stats in [first.stats("a").await, other.stats("a").await] {
        assert!(
            stats.tpm_remaining.is_some_and(|left| (9_700..9_990).contains(&left)),
            "{stats:?}"
        );
    }

    let reset = other.http().post("/api/v1/clients/a/reset").send().await;
    assert_eq!(reset.status, 200, "{}", reset.text());
    eventually("the bucket is full for both", || async {
        let (here, there) = (first.stats("a").await, other.stats("a").await);
        (here.rpm_remaining == Some(100) && there.rpm_remaining == Some(100)).then_some(())
    })
    .await;
    let proxy = stack.proxy();
    assert_eq!(proxy.post("/").client("a").tokens(1).send().await.status, 200);
    assert_eq!(first.stats("a").await.rpm_remaining, Some(99));
}
