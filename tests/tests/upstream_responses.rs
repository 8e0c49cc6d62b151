//! What the upstream made of admitted requests, as a real Envoy tells it apart.

use harness::TestStack;
use harness::deadline::eventually_equal;
use harness::http_client::{HttpClient, RequestBuilder};
use harness::metrics::Metrics;
use harness::raw_client::RawConnection;
use serde_json::json;

/// A request whose answer the mock upstream chooses.
fn post(stack: &TestStack, behaviour: &str, stream: bool) -> RequestBuilder {
    let body = json!({"model": "m", "stream": stream, "messages": []});
    // Over HTTP/1.1 a response that is cut off ends some seconds later.
    let request =
        HttpClient::http2(stack.proxy_address()).post(&format!("/v1/chat/completions?{behaviour}"));
    request.client("a").tokens(1).json(&body)
}

/// All that was counted: class, reason and number.
fn counted(metrics: &Metrics) -> Vec<(String, String, f64)> {
    let is_counted = |value: f64| value > 0.0;
    let samples = metrics.samples.iter().filter(|(series, value)| {
        series.name == "flowguard_upstream_responses_total" && is_counted(**value)
    });
    samples
        .map(|(series, value)| {
            (series.labels["class"].clone(), series.labels["reason"].clone(), *value)
        })
        .collect()
}

async fn are_counted(stack: &TestStack, expected: &[(&str, &str, f64)]) {
    let expected = expected
        .iter()
        .map(|(class, reason, number)| ((*class).to_owned(), (*reason).to_owned(), *number));
    eventually_equal("the upstream's answers", expected.collect(), || async {
        counted(&stack.control_plane.metrics().await)
    })
    .await;
}

#[tokio::test]
async fn every_answer_of_the_upstreams_is_counted_by_its_class_and_reason() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, None).await;
    for status in [302, 304, 401, 403, 400, 404, 429, 500, 503, 504] {
        post(&stack, &format!("status={status}&usage=none"), false).send().await;
    }
    post(&stack, "", false).send().await;
    post(&stack, "", true).send().await;
    let expected = [
        ("2xx", "ok", 2.0),
        ("3xx", "redirect", 2.0),
        ("4xx", "refused", 2.0),
        ("4xx", "throttled", 1.0),
        ("4xx", "unauthorized", 2.0),
        ("5xx", "failed", 3.0),
    ];
    are_counted(&stack, &expected).await;
}

#[tokio::test]
async fn an_upstream_that_breaks_off_or_falls_silent_is_told_apart_from_a_client_that_leaves() {
    let stack = TestStack::builder().setting("STREAM_IDLE_TIMEOUT_S", "1").start().await;
    stack.admin().put_client("a", None, None).await;
    post(&stack, "abort_after=1", true).try_send().await.expect_err("it is cut off");
    post(&stack, "stall=body", true).try_send().await.expect_err("it is given up");
    assert_eq!(post(&stack, "stall=head", false).send().await.status, 504);
    are_counted(&stack, &[("2xx", "cut", 2.0), ("none", "timeout", 1.0)]).await;

    stack.upstream.gate("events").let_one_through();
    let mut answer = post(&stack, "gate=events", true).open().await;
    answer.next_chunk().await.expect("an event").expect("a whole event");
    drop(answer);
    let mut waiting = RawConnection::open(stack.proxy_address()).await;
    let head = "GET /v1/models?stall=head HTTP/1.1\r\nHost: proxy\r\nX-Client-ID: a\r\n\
                X-Token-Estimate: 1\r\n\r\n";
    waiting.write(head.as_bytes()).await;
    eventually_equal("requests at the upstream", 1, || async {
        stack.upstream.requests_to("/v1/models").len()
    })
    .await;
    drop(waiting);
    let expected = [
        ("2xx", "cut", 2.0),
        ("2xx", "left", 1.0),
        ("none", "left", 1.0),
        ("none", "timeout", 1.0),
    ];
    are_counted(&stack, &expected).await;
}

#[tokio::test]
async fn an_upstream_that_is_out_of_reach_gave_no_answer() {
    let stack = TestStack::builder().upstream("http://127.0.0.1:9".to_owned()).start().await;
    stack.admin().put_client("a", None, None).await;
    assert_eq!(post(&stack, "", false).send().await.status, 503);
    are_counted(&stack, &[("none", "unreachable", 1.0)]).await;
}
