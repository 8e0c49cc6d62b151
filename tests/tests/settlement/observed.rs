//! What is seen to pass of streams that tell nothing, beside what the upstream counted.

use harness::deadline::eventually;
use serde_json::json;

use super::{stack_with_client, used_after};

/// Streams without usage, of each framing.
const STREAMS: [&str; 9] = [
    "/v1/chat/completions?",
    "/v1/completions?",
    "/v1/responses?usage=none&",
    "/v1/messages?usage=none&",
    "/v1beta/models/m:streamGenerateContent?alt=sse&usage=none&",
    "/model/m/converse-stream?usage=none&",
    "/api/chat?usage=none&",
    "/v2/chat?usage=none&",
    "/accounts/a/ai/run/m?usage=none&",
];

#[tokio::test]
async fn what_is_seen_to_pass_is_within_a_factor_of_two_of_the_output() {
    let stack = stack_with_client().await;
    let body = json!({"model": "m", "stream": true, "messages": [], "prompt": "", "contents": []});
    let mut used = 0;
    for stream in STREAMS {
        for language in ["en", "de", "zh"] {
            for tokens in ["1-1", "1-20", "20-20"] {
                let path =
                    format!("{stream}language={language}&tokens_per_event={tokens}&chunks=60");
                let request = stack.proxy().post(&path).client("a").tokens(0).json(&body);
                assert_eq!(request.send().await.status, 200);
                let sent = stack.upstream.requests().pop().expect("a request").output_tokens();
                let before = used;
                used = eventually(&path, || async {
                    let used = stack.admin().stats("a").await.tokens_used;
                    (used > before).then_some(used)
                })
                .await;
                let seen = used - before;
                assert!(seen <= 2 * sent && sent <= 2 * seen, "{path}: {seen} seen, {sent} sent");
            }
        }
    }
    let document = stack.proxy().post("/v1/chat/completions?usage=none&language=en");
    document.client("a").tokens(7).json(&json!({"messages": []})).send().await;
    used_after(&stack, "a document, of which nothing is seen", used + 7).await;
}
