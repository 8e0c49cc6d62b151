//! Very many requests whose answers come at one moment: Envoy nests the filter's own answers in
//! one another, and a VM's stack has an end.

use std::time::Duration;

use harness::TestStack;
use harness::check::{self, LIMITER_UNAVAILABLE};
use harness::deadline::eventually_equal;
use harness::http_client::{Answer, HttpClient};
use tokio::task::JoinSet;

/// Four times as many as once overflowed the stack, over connections that allow 1,024 at a time.
const REQUESTS: usize = 1_200;
const CONNECTIONS: usize = 2;

/// So few that no lane of asks is full, even if all of their requests wait in one worker.
const CLIENTS: usize = 4;

/// Requests of clients that all wait for a control plane that is frozen.
fn waiting_requests(stack: &mut TestStack, client: fn(usize) -> String) -> JoinSet<Answer> {
    stack.control_plane.process().freeze();
    let mut requests = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let proxy = HttpClient::http2(stack.proxy_address());
        for number in 0..REQUESTS / CONNECTIONS {
            let request = proxy.post("/").client(&client(number % CLIENTS)).tokens(1);
            requests.spawn(request.send());
        }
    }
    requests
}

async fn is_unharmed(stack: &TestStack) {
    check::filter_is_unharmed(stack.envoy()).await;
    eventually_equal("requests in Envoy", 0, || {
        stack.envoy().stat("http.proxy.downstream_rq_active")
    })
    .await;
}

fn spent(number: usize) -> String {
    format!("spent-{number}")
}

fn unknown(number: usize) -> String {
    format!("any-{number}")
}

/// A stack whose streams are open, and clients [`spent`] with nothing left.
async fn stack_of(decision_timeout_ms: &str) -> TestStack {
    let stack = TestStack::builder()
        .setting("DECISION_TIMEOUT_MS", decision_timeout_ms)
        .setting("UNKNOWN_CLIENTS", "allow")
        .start()
        .await;
    for number in 0..CLIENTS {
        let client = spent(number);
        stack.admin().put_client(&client, 1, None).await;
        check::admitted(&stack.proxy().post("/").client(&client).tokens(1).send().await);
    }
    stack
}

#[tokio::test(flavor = "multi_thread")]
async fn more_refusals_at_once_than_a_stack_holds_are_all_answered() {
    let mut stack = stack_of("30000").await;
    let requests = waiting_requests(&mut stack, spent);
    let waiting = || stack.envoy().stat("http.proxy.downstream_rq_active");
    eventually_equal("requests that wait in Envoy", REQUESTS as u64, waiting).await;
    stack.control_plane.process().thaw();

    for answer in requests.join_all().await {
        check::refused_for_now(&answer, &check::RPM_EXCEEDED);
    }
    is_unharmed(&stack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_timeouts_at_once_than_a_stack_holds_are_all_answered_in_time() {
    let mut stack = stack_of("1000").await;
    let requests = waiting_requests(&mut stack, unknown);
    for answer in requests.join_all().await {
        check::refused(&answer, &LIMITER_UNAVAILABLE);
        assert!(answer.duration() < Duration::from_secs(3), "{:?}", answer.duration());
    }
    stack.control_plane.process().thaw();
    is_unharmed(&stack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_admissions_at_once_than_a_stack_holds_are_all_forwarded() {
    let mut stack = stack_of("30000").await;
    let requests = waiting_requests(&mut stack, unknown);
    let waiting = || stack.envoy().stat("http.proxy.downstream_rq_active");
    eventually_equal("requests that wait in Envoy", REQUESTS as u64, waiting).await;
    stack.control_plane.process().thaw();

    for answer in requests.join_all().await {
        check::admitted(&answer);
    }
    is_unharmed(&stack).await;
}
