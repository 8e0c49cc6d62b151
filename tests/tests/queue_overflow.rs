//! More requests than a worker lets wait, while the control plane stands still: all are answered in
//! time, and what they took of Envoy comes back.

use std::collections::BTreeMap;
use std::time::Duration;

use harness::TestStack;
use harness::check::{self, LIMITER_UNAVAILABLE};
use harness::deadline::eventually_equal;
use harness::http_client::{Answer, HttpClient};
use tokio::task::JoinSet;

/// More than one client's 1,024 that wait.
const OF_ONE_CLIENT: usize = 3_000;

/// More than the 10,000 of one worker that wait.
const OF_STRANGERS: usize = 12_000;

/// Below what Envoy allows on one connection.
const STREAMS: usize = 1_000;

/// So long that a busy machine gets more requests to the worker than may wait, before the stream
/// counts as hung.
const DECISION_TIMEOUT: Duration = Duration::from_secs(2);

/// A decision timeout, and what a busy machine takes to write and to read so many answers.
const IN_TIME: Duration = Duration::from_secs(6);

/// More than once, so that what stays behind adds up.
const ROUNDS: usize = 3;

async fn stack_that_fails(failure_mode: &str) -> TestStack {
    let stack = TestStack::builder()
        .setting("DECISION_TIMEOUT_MS", &DECISION_TIMEOUT.as_millis().to_string())
        .setting("FAILURE_MODE", failure_mode)
        .setting("UNKNOWN_CLIENTS", "allow")
        .with_whole_admin()
        .start()
        .await;
    stream_is_open(&stack).await;
    stack
}

/// The worker asks, and is answered.
async fn stream_is_open(stack: &TestStack) {
    eventually_equal("whether a request is decided", true, || async {
        let before = decided(stack).await;
        let answer = stack.proxy().post("/").client("any").tokens(1).send().await;
        answer.status == 200 && decided(stack).await > before
    })
    .await;
}

fn decided(stack: &TestStack) -> impl Future<Output = u64> {
    stack.envoy().stat("wasmcustom.flowguard_decisions.outcome=admitted")
}

/// What Envoy has allocated now; its statistics tell what it had some seconds ago.
async fn allocated_bytes(stack: &TestStack) -> u64 {
    let memory = stack.envoy().admin().get("/memory").send().await.json();
    let allocated = memory["allocated"].as_str().and_then(|bytes| bytes.parse().ok());
    allocated.unwrap_or_else(|| panic!("no memory: {memory}"))
}

/// So many at once while nobody decides.
async fn answers(
    stack: &mut TestStack,
    requests: usize,
    client: fn(usize) -> String,
) -> Vec<Answer> {
    stack.control_plane.process().freeze();
    let mut waiting = JoinSet::new();
    for first in (0..requests).step_by(STREAMS) {
        let proxy = HttpClient::http2(stack.proxy_address());
        for number in first..requests.min(first + STREAMS) {
            waiting.spawn(proxy.post("/").client(&client(number)).tokens(1).send());
        }
    }
    let answers = waiting.join_all().await;
    stack.control_plane.process().thaw();
    answers
}

fn one(_: usize) -> String {
    "any".to_owned()
}

fn another_each(number: usize) -> String {
    format!("any-{number}")
}

/// How many were refused at once, for there was no room.
async fn are_answered_in_time(
    failure_mode: &str,
    requests: usize,
    client: fn(usize) -> String,
) -> u64 {
    let mut stack = stack_that_fails(failure_mode).await;
    let mut allocated = Vec::new();
    for _ in 0..ROUNDS {
        let mut statuses = BTreeMap::<u16, usize>::new();
        for answer in answers(&mut stack, requests, client).await {
            assert!(answer.duration() < IN_TIME, "{} after {:?}", answer.status, answer.duration());
            *statuses.entry(answer.status.as_u16()).or_default() += 1;
            match failure_mode {
                // It was let pass for the control plane that stands still.
                "open" if answer.status == 200 => {}
                _ => check::refused(&answer, &LIMITER_UNAVAILABLE),
            }
        }
        stream_is_open(&stack).await;
        let active = || stack.envoy().stat("http.proxy.downstream_rq_active");
        eventually_equal("requests in Envoy", 0, active).await;
        let bytes = allocated_bytes(&stack).await;
        println!("{failure_mode}: {statuses:?}; Envoy has {} MiB", bytes >> 20);
        allocated.push(bytes);
    }
    check::filter_is_unharmed(stack.envoy()).await;
    let (first, last) = (allocated[0], allocated[ROUNDS - 1]);
    assert!(last < first + first / 4, "Envoy's memory grows by the round: {allocated:?}");
    stack.envoy().stat("wasmcustom.flowguard_failures.cause=backlog").await
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_a_client_may_have_waiting_are_answered_in_time_and_leave_nothing_behind() {
    assert!(are_answered_in_time("closed", OF_ONE_CLIENT, one).await > 0, "all had room");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_a_client_may_have_waiting_are_answered_in_time_where_failures_open_the_gate() {
    assert!(are_answered_in_time("open", OF_ONE_CLIENT, one).await > 0, "all had room");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute"]
async fn more_than_a_worker_may_have_waiting_are_answered_in_time_and_leave_nothing_behind() {
    for failure_mode in ["closed", "open"] {
        are_answered_in_time(failure_mode, OF_STRANGERS, another_each).await;
    }
}
