//! Whichever control planes decide, they admit what one would.

use harness::http_client::HttpClient;
use harness::load::send_many;
use harness::redis::{Kind, Redis};
use serde_json::json;

use super::stack_on;

const TASKS: usize = 32;

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_through_two_control_planes_is_admitted_exactly_what_there_is() {
    for kind in Kind::ALL {
        let store = Redis::start(kind, &[]).await;
        let stack = stack_on(&store, 2).start().await;
        // So long a window that nothing is refilled meanwhile.
        let of_org = json!({"match": {"group": "acme"}, "requests": 900, "per": "31d"});
        stack.admin().put_limit("org", &of_org).await;
        let of_client = json!({"match": {}, "each": ["client"], "tokens": 6000, "per": "31d"});
        stack.admin().put_limit("own", &of_client).await;
        for client in ["a", "b"] {
            let limits = json!({"group": "acme", "rpm": null, "tpm": null});
            assert!(stack.admin().put(client, &limits).await.status.is_success());
        }
        let other = stack.other_control_planes[0].admin();
        harness::deadline::eventually("the other one has read it", || async {
            (other.http().get("/api/v1/clients/b").send().await.status == 200).then_some(())
        })
        .await;

        let proxies: Vec<_> =
            stack.envoys.iter().map(|envoy| HttpClient::http1(envoy.proxy_address())).collect();
        let request = move |number: usize| {
            let client = ["a", "b"][number / 2 % 2];
            proxies[number % 2].post("/?prompt_tokens=10").client(client).tokens(10)
        };
        let answers = send_many(3_000, TASKS, request).await;
        let admitted = answers.iter().filter(|answer| answer.status.is_success()).count();
        assert!(answers.iter().all(|answer| [200, 429].contains(&answer.status.as_u16())));
        assert_eq!(admitted, 900, "of {} by {kind:?}", answers.len());
    }
}
