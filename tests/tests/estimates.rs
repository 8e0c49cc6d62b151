//! What a request without an estimate, or with too small a one, reserves: `ESTIMATE=learned`.

use harness::TestStack;
use harness::deadline::eventually_equal;
use harness::http_client::RequestBuilder;
use serde_json::json;

const LIMIT: u64 = 100_000;

async fn learning_stack() -> TestStack {
    let stack = TestStack::builder().setting("ESTIMATE", "learned").start().await;
    stack.admin().put_client("a", None, LIMIT).await;
    stack
}

fn request(stack: &TestStack, query: &str) -> RequestBuilder {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "hello"}]});
    stack.proxy().post(&format!("/v1/chat/completions?{query}")).client("a").json(&body)
}

/// What the request reserved of a bucket that is full.
async fn reserved(request: RequestBuilder) -> u64 {
    let answer = request.send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let left = answer.header("x-ratelimit-remaining-tokens").expect("what is left");
    LIMIT - left.parse::<u64>().expect("a number")
}

/// A client created again has a full bucket, and has taught nothing.
async fn create_again(stack: &TestStack) {
    stack.admin().delete("a").await;
    stack.admin().put_client("a", None, LIMIT).await;
}

async fn learned(stack: &TestStack) -> Option<u64> {
    stack.admin().stats("a").await.learned_estimate
}

#[tokio::test]
async fn a_client_that_says_1_or_nothing_reserves_what_its_requests_use() {
    let stack = learning_stack().await;
    assert_eq!(learned(&stack).await, None);
    let first = request(&stack, "prompt_tokens=500&completion_tokens=200").tokens(1);
    assert_eq!(reserved(first).await, 1, "nothing is known yet");
    stack.admin().wait_for_tokens_used("a", 700).await;
    eventually_equal("what was learned", Some(700), || learned(&stack)).await;

    let left = || async { stack.admin().stats("a").await.tpm_remaining };
    eventually_equal("what is left", Some(LIMIT), left).await;
    assert_eq!(reserved(request(&stack, "prompt_tokens=500").tokens(1)).await, 700);
    eventually_equal("what is left", Some(LIMIT), left).await;
    assert_eq!(reserved(request(&stack, "prompt_tokens=500")).await, 700);
}

#[tokio::test]
async fn a_client_of_which_nothing_is_known_reserves_the_default_estimate() {
    let stack = learning_stack().await;
    assert_eq!(reserved(request(&stack, "usage=none")).await, 1_000);
    stack.admin().wait_for_tokens_used("a", 1_000).await;
    create_again(&stack).await;
    assert_eq!(reserved(request(&stack, "usage=none").tokens(7)).await, 7);
}
