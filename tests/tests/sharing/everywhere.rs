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

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_how_a_limit_stands_are_the_same_from_every_control_plane() {
    let store = Redis::start(Kind::Redis, &[]).await;
    let stack = stack_on(&store, 2).envoys(1).start().await;
    let (first, other) = (stack.admin(), stack.other_control_planes[0].admin());
    let day = |each: &[&str], requests: u64| json!({"match": {}, "each": each, "requests": requests, "per": "1d"});
    first.put_limit("all", &day(&[], 1_000)).await;
    first.put_limit("each", &day(&["client"], 5)).await;
    for client in ["a", "b", "c"] {
        first.put_client(client, 1_000, None).await;
        follows(&other, &first, client).await;
    }
    // Only the first one's Envoy is asked, and only it decides.
    let proxy = stack.proxy();
    for (client, requests) in [("a", 7), ("b", 2)] {
        for _ in 0..requests {
            proxy.post("/").client(client).tokens(1).send().await;
        }
    }
    eventually("the other control plane tells the same", || async {
        let text = other.http().get("/api/v1/stats").send().await.json();
        let requests = |client: &str| {
            let stats = &text["stats"][client];
            let number = |name: &str| stats[name].as_u64();
            Some((number("total_requests")?, number("dropped_requests")?))
        };
        let told = [requests("a")?, requests("b")?, requests("c")?];
        (told == [(7, 2), (2, 0), (0, 0)]).then_some(())
    })
    .await;
    for (limit, refused, left) in [("all", 0, vec![993]), ("each", 2, vec![0, 3, 5])] {
        let path = format!("/api/v1/limits/{limit}/stats");
        eventually("how the limit stands is told everywhere", || async {
            let mut told = Vec::new();
            for admin in [&first, &other] {
                let stats = admin.http().get(&path).send().await.json();
                let buckets = stats["buckets"].as_array()?;
                let left = buckets.iter().map(|bucket| bucket["remaining"].as_u64());
                told.push((stats["refused"].as_u64()?, left.collect::<Option<Vec<_>>>()?));
            }
            (told == [(refused, left.clone()), (refused, left.clone())]).then_some(())
        })
        .await;
    }
}
