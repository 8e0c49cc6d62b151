//! Several control planes on one store, each with Envoys of its own.

mod audited;
mod away;
mod balances;
mod everywhere;
mod exact;
mod places;
mod restarted;
mod spread;
mod start;
mod taken_over;
mod unreadable;

use harness::TestStack;
use harness::admin::Admin;
use harness::deadline::eventually;
use harness::http_client::{HttpClient, RequestBuilder};
use harness::load::Outcome;
use harness::redis::Redis;
use harness::stack::StackBuilder;
use serde_json::json;

/// What each request of [`chat`] reserves, and what it is told to use.
const ESTIMATE: u64 = 1_000;
const USED: u64 = 30;

/// As many Envoys as control planes, each of two workers.
fn stack_on(store: &Redis, control_planes: usize) -> StackBuilder {
    stack_at(&format!("redis://{}", store.address()), control_planes)
}

/// The same on the store of a URL.
fn stack_at(url: &str, control_planes: usize) -> StackBuilder {
    TestStack::builder()
        .setting("STORE_URL", url)
        .control_planes(control_planes)
        .envoys(control_planes)
        .workers(2)
}

/// Waits until a client is in force as it is at the first control plane.
async fn follows(admin: &Admin, first: &Admin, client: &str) {
    let path = format!("/api/v1/clients/{client}");
    let there = first.http().get(&path).send().await;
    eventually("the other control plane has read it", || async {
        let here = admin.http().get(&path).send().await;
        (here.status == there.status && here.text() == there.text()).then_some(())
    })
    .await;
}

/// A request of client `a`, which reserves more than it is told to use.
fn chat(proxy: &HttpClient) -> RequestBuilder {
    let path = "/v1/chat/completions?prompt_tokens=10&completion_tokens=20";
    let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]});
    proxy.post(path).client("a").tokens(ESTIMATE).json(&body)
}

/// How many were admitted, of requests that were all decided, whatever happened meanwhile.
fn admitted(outcomes: &[Outcome]) -> u64 {
    let mut admitted = 0;
    for outcome in outcomes {
        match outcome.as_ref().map(|answer| answer.status.as_u16()) {
            Ok(200) => admitted += 1,
            Ok(429) => {}
            other => panic!("{other:?} of {} requests", outcomes.len()),
        }
    }
    admitted
}
