//! What a response used is what its client is charged, to the token, in every ending.

mod debt;
mod endings;
mod free_ticket;
mod listed;
mod lost_streams;
mod observed;
mod usage;

use harness::TestStack;
use harness::deadline::eventually_equal;
use harness::http_client::{Answer, HttpClient, RequestBuilder};
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";
const RESPONSES: &str = "/v1/responses";
/// Of every request.
const ESTIMATE: u64 = 100;

fn body(stream: bool) -> Value {
    json!({
        "model": "a-model",
        "max_tokens": 100,
        "stream": stream,
        "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": "hello"}],
        "input": "hello",
        "prompt": "hello",
        "contents": [{"role": "user", "parts": [{"text": "hello"}]}],
    })
}

fn request(proxy: &HttpClient, path: &str, stream: bool) -> RequestBuilder {
    proxy.post(path).client("a").tokens(ESTIMATE).json(&body(stream))
}

async fn post(proxy: &HttpClient, path: &str, stream: bool) -> Answer {
    request(proxy, path, stream).send().await
}

/// A client without limits, of whom only what it used is of interest.
async fn stack_with_client() -> TestStack {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, None).await;
    stack
}

/// The client's tokens so far: estimated, settled, refunded, debt.
async fn tokens_are(stack: &TestStack, expected: [u64; 4]) {
    let metrics = stack.control_plane.metrics().await;
    let counted = ["estimated", "settled", "refunded", "debt"].map(|kind| {
        let labels = [("client_id", "a"), ("kind", kind)];
        metrics.value("flowguard_tokens_total", &labels)
    });
    #[expect(clippy::cast_precision_loss, reason = "a test's tokens are few")]
    let expected = expected.map(|tokens| Some(tokens as f64));
    assert_eq!(counted, expected);
}

async fn used_after(stack: &TestStack, what: &str, expected: u64) {
    eventually_equal(what, expected, || async { stack.admin().stats("a").await.tokens_used }).await;
}
