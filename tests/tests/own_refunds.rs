//! What a client's own request gives back is there for its next one.

use harness::TestStack;
use harness::check;
use harness::deadline::soon;
use harness::http_client::HttpClient;
use serde_json::{Value, json};

const LIMIT: u64 = 5_000;
/// Two do not fit in the bucket.
const ESTIMATE: u64 = 3_000;
const CALLS: usize = 50;

fn body(stream: bool) -> Value {
    json!({
        "model": "m",
        "stream": stream,
        "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": "hello"}],
    })
}

/// Each call of the row uses 14 tokens, so that the bucket would pay for hundreds of them.
async fn none_of_a_row_is_refused(workers: usize, connections: usize, stream: bool) {
    let stack = TestStack::builder().workers(workers).start().await;
    stack.admin().put_client("a", None, LIMIT).await;
    let clients: Vec<_> =
        (0..connections).map(|_| HttpClient::http1(stack.proxy_address())).collect();
    let path = "/v1/chat/completions?prompt_tokens=10&completion_tokens=4";
    let body = body(stream);
    for call in 0..CALLS {
        let client = &clients[call % connections];
        let answer = client.post(path).client("a").tokens(ESTIMATE).json(&body).send().await;
        assert_eq!(answer.status, 200, "call {call}: {}", answer.text());
    }
    let stats = stack.admin().stats("a").await;
    assert_eq!(stats.success_requests, CALLS as u64);
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connections_calls_in_a_row_are_paid_by_what_each_gave_back() {
    none_of_a_row_is_refused(1, 1, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connections_streams_in_a_row_are_paid_by_what_each_gave_back() {
    none_of_a_row_is_refused(1, 1, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_in_a_row_over_two_workers_are_paid_by_what_each_gave_back() {
    none_of_a_row_is_refused(2, 4, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_in_a_row_over_two_workers_are_paid_by_what_each_gave_back() {
    none_of_a_row_is_refused(2, 4, true).await;
}

/// A client that has read the last of the content asks again; the upstream never closes.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_paid_back_when_its_content_has_ended_and_not_when_it_is_closed() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, LIMIT).await;
    let path = "/v1/chat/completions?prompt_tokens=10&completion_tokens=4&stall=end";
    let mut open = Vec::new();
    for call in 0..5 {
        let request = stack.proxy().post(path).client("a").tokens(ESTIMATE).json(&body(true));
        let mut answer = request.open().await;
        assert_eq!(answer.status(), 200, "call {call}");
        let mut read = Vec::new();
        while !read.ends_with(b"data: [DONE]\n\n") {
            let chunk = soon("the rest of the content", answer.next_chunk()).await;
            read.extend(chunk.expect("more content").expect("no error"));
        }
        open.push(answer);
    }
}
