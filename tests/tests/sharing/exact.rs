//! Whichever control planes decide, they admit what one would.

use harness::http_client::HttpClient;
use harness::load::send_many;
use harness::redis::{Kind, Redis};
use serde_json::json;

use super::{follows, stack_on};

const TASKS: usize = 32;

async fn is_exact(kind: Kind, control_planes: usize) {
    let store = Redis::start(kind, &[]).await;
    let stack = stack_on(&store, control_planes).start().await;
    // So long a window that nothing is refilled meanwhile.
    let of_org = json!({"match": {"group": "acme"}, "requests": 900, "per": "31d"});
    stack.admin().put_limit("org", &of_org).await;
    let of_client = json!({"match": {}, "each": ["client"], "tokens": 6000, "per": "31d"});
    stack.admin().put_limit("own", &of_client).await;
    for client in ["a", "b"] {
        let limits = json!({"group": "acme", "rpm": null, "tpm": null});
        assert!(stack.admin().put(client, &limits).await.status.is_success());
    }
    for other in &stack.other_control_planes {
        follows(&other.admin(), &stack.admin(), "b").await;
    }

    let proxies: Vec<_> =
        stack.envoys.iter().map(|envoy| HttpClient::http1(envoy.proxy_address())).collect();
    let request = move |number: usize| {
        let client = ["a", "b"][number / proxies.len() % 2];
        let proxy = &proxies[number % proxies.len()];
        proxy.post("/?prompt_tokens=10").client(client).tokens(10)
    };
    let answers = send_many(3_000, TASKS, request).await;
    let admitted = answers.iter().filter(|answer| answer.status.is_success()).count();
    assert!(answers.iter().all(|answer| [200, 429].contains(&answer.status.as_u16())));
    assert_eq!(admitted, 900, "of {} by {kind:?}", answers.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_through_two_control_planes_is_admitted_exactly_what_there_is() {
    for kind in Kind::ALL {
        is_exact(kind, 2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: twenty runs each of two and of four control planes"]
async fn a_crowd_is_admitted_exactly_what_there_is_in_every_run() {
    for control_planes in [2, 4] {
        for run in 0..20 {
            println!("run {run} of {control_planes} control planes");
            is_exact(Kind::ALL[run % 2], control_planes).await;
        }
    }
}
