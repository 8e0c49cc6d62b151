//! The control plane dies, hangs and comes back, clients go away, and Envoy is never touched: every
//! request is answered in time by the failure mode, and nothing is charged for what was not served.

use std::time::Duration;

use harness::TestStack;
use harness::check::{self, LIMITER_UNAVAILABLE};
use harness::deadline::{eventually, eventually_equal};
use harness::http_client::HttpClient;
use harness::load::{Load, Outcome};
use harness::raw_client::RawConnection;
use harness::stack::StackBuilder;
use tokio::task::JoinSet;

const TASKS: usize = 16;
const TIMEOUT: Duration = Duration::from_secs(1);
/// What a busy machine may add to a timeout.
const SLACK: Duration = Duration::from_secs(1);

/// Two workers and unlimited clients, so that only the failure mode refuses.
fn two_workers(failure_mode: &str) -> StackBuilder {
    TestStack::builder()
        .workers(2)
        .setting("FAILURE_MODE", failure_mode)
        .setting("DECISION_TIMEOUT_MS", &TIMEOUT.as_millis().to_string())
        .setting("UNKNOWN_CLIENTS", "allow")
}

fn load_on(stack: &TestStack) -> Load {
    let proxy = stack.proxy();
    Load::start(TASKS, move || proxy.post("/").client("a").tokens(1))
}

/// Every request was answered, either by the upstream or within the timeout by 503.
fn all_answered_in_time(outcomes: &[Outcome]) {
    for outcome in outcomes {
        let answer = outcome.as_ref().expect("an answer");
        if answer.status.as_u16() != 200 {
            check::refused(answer, &LIMITER_UNAVAILABLE);
            assert!(answer.duration() <= TIMEOUT + SLACK, "answered after {:?}", answer.duration());
        }
    }
}

fn all_admitted(outcomes: &[Outcome]) {
    for outcome in outcomes {
        check::admitted(outcome.as_ref().expect("an answer"));
    }
}

/// After one of a fault's last victims was answered, everything is admitted again.
async fn recovers(stack: &TestStack, load: Load) {
    load.wait_for(1, 200).await;
    // Until every worker has its stream again.
    eventually_equal("open decision streams", 2, || {
        stack.envoy().stat("wasmcustom.flowguard_stream.state=open")
    })
    .await;
    load.wait_for(TASKS, 200).await;
    all_answered_in_time(&load.take());
    load.wait_for(20 * TASKS, 200).await;
    all_admitted(&load.stop().await);
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_that_is_killed_and_restarted_is_found_again() {
    let mut stack = two_workers("closed").start().await;
    let load = load_on(&stack);
    load.wait_for(20 * TASKS, 200).await;
    all_admitted(&load.take());
    stack.control_plane.process().kill();
    load.wait_for(2 * TASKS, 503).await;
    all_answered_in_time(&load.take());
    stack.control_plane.restart().await;
    recovers(&stack, load).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_that_freezes_and_thaws_is_used_again() {
    let mut stack = two_workers("closed").start().await;
    let load = load_on(&stack);
    load.wait_for(20 * TASKS, 200).await;
    all_admitted(&load.take());
    stack.control_plane.process().freeze();
    load.wait_for(2 * TASKS, 503).await;
    all_answered_in_time(&load.take());
    stack.control_plane.process().thaw();
    recovers(&stack, load).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_control_plane_can_be_replaced() {
    let mut stack = two_workers("closed").start().await;
    let load = load_on(&stack);
    load.wait_for(TASKS, 200).await;
    stack.control_plane.process().freeze();
    load.wait_for(TASKS, 503).await;
    stack.control_plane.restart().await;
    recovers(&stack, load).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_swallows_everything_is_replaced() {
    let stack = two_workers("closed").with_relay().start().await;
    let load = load_on(&stack);
    load.wait_for(TASKS, 200).await;
    stack.relay.as_ref().expect("a relay").swallow_open_connections();
    load.wait_for(TASKS, 503).await;
    recovers(&stack, load).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_failure_mode_open_every_request_passes_while_the_control_plane_is_away() {
    let mut stack = two_workers("open").start().await;
    let load = load_on(&stack);
    load.wait_for(TASKS, 200).await;
    stack.control_plane.process().freeze();
    load.wait_for(2 * TASKS, 200).await;
    stack.control_plane.process().kill();
    load.wait_for(2 * TASKS, 200).await;
    stack.control_plane.restart().await;
    let open = || stack.envoy().stat("wasmcustom.flowguard_stream.state=open");
    eventually_equal("open decision streams", 2, open).await;
    load.wait_for(TASKS, 200).await;
    all_admitted(&load.stop().await);
    assert!(stack.envoy().stat("wasmcustom.flowguard_decisions.outcome=failed_open").await > 0);

    // And limits hold again.
    stack.admin().put_client("b", 1, None).await;
    check::admitted(&stack.proxy().post("/").client("b").tokens(1).send().await);
    let refused = stack.proxy().post("/").client("b").tokens(1).send().await;
    check::refused_for_now(&refused, &check::RPM_EXCEEDED);
}

#[tokio::test]
async fn nobody_waits_for_a_control_plane_that_is_known_to_be_down() {
    // Far beyond what a busy machine takes for an answer.
    let timeout = 10 * TIMEOUT;
    let timeout_ms = timeout.as_millis().to_string();
    let builder = TestStack::builder().setting("UNKNOWN_CLIENTS", "allow");
    let mut stack = builder.setting("DECISION_TIMEOUT_MS", &timeout_ms).start().await;
    let proxy = stack.proxy();
    let ask = || proxy.post("/").client("a").tokens(1).send();
    check::admitted(&ask().await);
    stack.control_plane.process().kill();
    eventually("an answer without a wait", || async {
        let answer = ask().await;
        check::refused(&answer, &LIMITER_UNAVAILABLE);
        (answer.duration() < SLACK).then_some(())
    })
    .await;
    for _ in 0..50 {
        let answer = ask().await;
        check::refused(&answer, &LIMITER_UNAVAILABLE);
        assert!(answer.duration() < timeout / 2, "answered after {:?}", answer.duration());
    }
}

#[tokio::test]
async fn a_control_plane_that_starts_after_envoy_is_found() {
    let mut stack = two_workers("closed").start().await;
    stack.control_plane.process().kill();
    let refused = stack.proxy().post("/").client("a").tokens(1).send().await;
    check::refused(&refused, &LIMITER_UNAVAILABLE);
    assert!(refused.duration() <= TIMEOUT + SLACK, "{:?}", refused.duration());
    stack.control_plane.restart().await;
    eventually("an admitted request", || async {
        let answer = stack.proxy().post("/").client("a").tokens(1).send().await;
        answer.status.is_success().then_some(())
    })
    .await;
}

/// Freezes the control plane while `timeouts` requests of the client `a` time out; afterwards its
/// whole balance is there again. Two such requests fit into the bucket, and the refill alone would
/// not make up for one of them in time.
async fn costs_nothing(timeouts: usize) {
    let mut stack = TestStack::builder().setting("DECISION_TIMEOUT_MS", "300").start().await;
    stack.admin().put_client("a", None, 100).await;
    stack.admin().put_client("another", None, None).await;
    is_admitted_again(&stack).await;

    stack.control_plane.process().freeze();
    for _ in 0..timeouts {
        let answer = stack.proxy().post("/").client("a").tokens(45).send().await;
        check::refused(&answer, &LIMITER_UNAVAILABLE);
    }
    stack.control_plane.process().thaw();
    is_admitted_again(&stack).await;
    is_not_charged(&stack).await;
}

/// Until a request of another client is admitted.
async fn is_admitted_again(stack: &TestStack) {
    eventually("an admitted request", || async {
        let answer = stack.proxy().post("/").client("another").tokens(1).send().await;
        answer.status.is_success().then_some(())
    })
    .await;
}

/// The client `a` was charged, and was given back all of it.
async fn is_not_charged(stack: &TestStack) {
    let canceled = || async {
        let metrics = stack.control_plane.metrics().await;
        metrics
            .value("flowguard_settlements_total", &[("outcome", "canceled")])
            .filter(|canceled| *canceled >= 1.0)
    };
    eventually("a charge that is given back", canceled).await;
    let balance = || async { stack.admin().stats("a").await.tpm_remaining };
    eventually_equal("the balance", Some(100), balance).await;
}

#[tokio::test]
async fn a_request_without_a_decision_in_time_costs_nothing() {
    costs_nothing(1).await;
}

#[tokio::test]
async fn a_request_without_a_decision_in_time_costs_nothing_even_when_its_stream_was_given_up() {
    costs_nothing(10).await;
}

#[tokio::test]
async fn clients_that_go_away_while_they_wait_are_not_charged() {
    let mut stack = TestStack::builder().setting("DECISION_TIMEOUT_MS", "30000").start().await;
    stack.admin().put_client("a", None, 100).await;
    stack.admin().put_client("another", None, None).await;
    check::admitted(&stack.proxy().post("/").client("another").tokens(1).send().await);

    stack.control_plane.process().freeze();
    let mut connections = Vec::new();
    for _ in 0..3 {
        let mut connection = RawConnection::open(stack.proxy_address()).await;
        connection.write(b"GET /gone HTTP/1.1\r\nHost: proxy\r\nX-Client-ID: a\r\nX-Token-Estimate: 45\r\n\r\n").await;
        connections.push(connection);
    }
    let http2 = HttpClient::http2(stack.proxy_address());
    let mut streams = JoinSet::new();
    for _ in 0..3 {
        streams.spawn(http2.get("/gone").client("a").tokens(45).try_send());
    }
    let waiting = || stack.envoy().stat("http.proxy.downstream_rq_active");
    eventually_equal("requests that wait in Envoy", 6, waiting).await;
    drop(connections);
    streams.abort_all();
    eventually_equal("requests that wait in Envoy", 0, waiting).await;
    stack.control_plane.process().thaw();

    check::admitted(&stack.proxy().post("/").client("another").tokens(1).send().await);
    is_not_charged(&stack).await;
    assert_eq!(stack.upstream.requests_to("/gone").len(), 0);
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_abort_under_load_disturb_nobody() {
    let stack = two_workers("closed").start().await;
    let load = load_on(&stack);
    load.wait_for(TASKS, 200).await;
    for _ in 0..10 {
        let mut connections = Vec::new();
        for _ in 0..25 {
            let mut connection = RawConnection::open(stack.proxy_address()).await;
            let request = b"GET / HTTP/1.1\r\nHost: proxy\r\nX-Client-ID: gone\r\nX-Token-Estimate: 1\r\n\r\n";
            connection.write(request).await;
            connections.push(connection);
        }
        drop(connections);
        load.wait_for(TASKS, 200).await;
    }
    all_admitted(&load.stop().await);
    eventually_equal("requests in Envoy", 0, || {
        stack.envoy().stat("http.proxy.downstream_rq_active")
    })
    .await;
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test]
async fn an_envoy_that_dies_leaves_the_others_and_the_control_plane_as_they_were() {
    let mut stack = TestStack::builder().envoys(2).start().await;
    let admin = stack.admin();
    admin.put_client("a", 4, None).await;
    let survivor = HttpClient::http1(stack.envoys[1].proxy_address());
    check::admitted(&stack.proxy().post("/").client("a").tokens(1).send().await);
    check::admitted(&survivor.post("/").client("a").tokens(1).send().await);
    eventually("two decision streams", || async {
        (stack.control_plane.metrics().await.value("flowguard_decision_streams", &[]) == Some(2.0))
            .then_some(())
    })
    .await;

    stack.envoys[0].process().kill();
    eventually("one decision stream", || async {
        (stack.control_plane.metrics().await.value("flowguard_decision_streams", &[]) == Some(1.0))
            .then_some(())
    })
    .await;
    for _ in 0..2 {
        check::admitted(&survivor.post("/").client("a").tokens(1).send().await);
    }
    check::refused_for_now(
        &survivor.post("/").client("a").tokens(1).send().await,
        &check::RPM_EXCEEDED,
    );
}
