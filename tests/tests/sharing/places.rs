//! Places are taken and given back by whichever control plane a request came.

use harness::deadline::{eventually, eventually_equal};
use harness::http_client::{HttpClient, RequestBuilder};
use harness::redis::{Kind, Redis};
use serde_json::json;
use tokio::task::JoinSet;

use super::{follows, stack_on};

const PLACES: usize = 8;

fn ask(proxy: &HttpClient, query: &str) -> RequestBuilder {
    let body = json!({"messages": [{"role": "user", "content": "hello"}]});
    proxy.post(&format!("/v1/chat/completions?{query}")).client("a").tokens(1).json(&body)
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_requests_are_under_way_as_there_are_places_through_all_control_planes() {
    let store = Redis::start(Kind::Redis, &[]).await;
    let stack = stack_on(&store, 2).start().await;
    let limit = json!({"match": {}, "each": ["client"], "concurrent": PLACES});
    stack.admin().put_limit("running", &limit).await;
    stack.admin().put_client("a", None, None).await;
    let other = stack.other_control_planes[0].admin();
    follows(&other, &stack.admin(), "a").await;
    let proxies: Vec<_> =
        stack.envoys.iter().map(|envoy| HttpClient::http1(envoy.proxy_address())).collect();

    for round in 0..3 {
        let name = format!("places-{round}");
        let gate = stack.upstream.gate(&name);
        let before = stack.upstream.requests().len();
        let mut held = JoinSet::new();
        for number in 0..PLACES {
            held.spawn(ask(&proxies[number % 2], &format!("gate={name}")).send());
        }
        eventually("all places are taken", || async {
            (stack.upstream.requests().len() == before + PLACES).then_some(())
        })
        .await;
        for proxy in &proxies {
            let one_more = ask(proxy, "").send().await;
            assert_eq!(one_more.status, 429, "round {round}");
            assert_eq!(one_more.json()["error"], json!("concurrency_exceeded"));
        }
        gate.open();
        for answer in held.join_all().await {
            assert_eq!(answer.status, 200);
        }
        for admin in [&stack.admin(), &other] {
            eventually_equal("all places are free", json!(PLACES), || async {
                let stats = admin.http().get("/api/v1/clients/a/stats").send().await.json();
                stats["limits"][0]["remaining"].clone()
            })
            .await;
        }
    }
}
