//! What a client is told of its limits, on a real Envoy: our headers, and what becomes of the
//! upstream's.

use harness::TestStack;
use harness::http_client::Answer;
use serde_json::{Value, json};

const CHAT: &str =
    "/v1/chat/completions?ratelimit_headers=1&prompt_tokens=500&completion_tokens=500";

/// A full bucket of 10 requests and 1,000 tokens a minute, after a request that reserved 100.
const OPENAI: [(&str, &str); 6] = [
    ("x-ratelimit-limit-requests", "10"),
    ("x-ratelimit-remaining-requests", "9"),
    ("x-ratelimit-reset-requests", "6s"),
    ("x-ratelimit-limit-tokens", "1000"),
    ("x-ratelimit-remaining-tokens", "900"),
    ("x-ratelimit-reset-tokens", "6s"),
];
const IETF: [(&str, &str); 2] = [
    ("ratelimit-policy", r#""rpm";q=10;w=60, "tpm";q=1000;w=60"#),
    ("ratelimit", r#""rpm";r=9;t=6, "tpm";r=900;t=6"#),
];

/// What gateways and vendors give beside FlowGuard's own names, as the mock has it.
const FURTHER: [(&str, &str); 8] = [
    ("x-ratelimit-limit", "100"),
    ("x-ratelimit-remaining", "99"),
    ("x-ratelimit-reset", "1767225601"),
    ("x-ratelimit-limit-tokens_usage_based", "80000"),
    ("x-ratelimit-remaining-project-tokens", "79000"),
    ("ratelimit-limit", "100, 100;w=60"),
    ("ratelimit-remaining", "99"),
    ("ratelimit-reset", "30"),
];

async fn stack(settings: &[(&str, &str)]) -> TestStack {
    let stack = settings
        .iter()
        .fold(TestStack::builder(), |stack, (name, value)| stack.setting(name, value));
    let stack = stack.start().await;
    for client in ["a", "b"] {
        stack.admin().put_client(client, 10, 1_000).await;
    }
    stack
}

fn body(stream: bool) -> Value {
    json!({"model": "m", "stream": stream, "messages": [{"role": "user", "content": "hello"}]})
}

async fn ask(stack: &TestStack, client: &str, tokens: u64, stream: bool) -> Answer {
    stack.proxy().post(CHAT).client(client).tokens(tokens).json(&body(stream)).send().await
}

/// Each field is there once, with this value.
fn check_has(answer: &Answer, fields: &[(&str, &str)]) {
    for (name, value) in fields {
        let found: Vec<_> = answer.headers.get_all(*name).iter().collect();
        assert_eq!(found, [value], "{name} of {:?}", answer.headers);
    }
}

fn check_lacks<'a>(answer: &Answer, names: impl IntoIterator<Item = &'a (&'a str, &'a str)>) {
    for (name, _) in names {
        assert_eq!(answer.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn documents_and_streams_tell_what_is_left_in_place_of_the_upstream() {
    let stack = stack(&[]).await;
    for (client, stream) in [("a", false), ("b", true)] {
        let answer = ask(&stack, client, 100, stream).await;
        assert_eq!(answer.status, 200);
        check_has(&answer, &OPENAI);
        check_lacks(&answer, &IETF);
        check_lacks(&answer, &FURTHER);
        check_has(&answer, &[("anthropic-ratelimit-tokens-limit", "480000")]);
    }
}

#[tokio::test]
async fn a_refusal_tells_it_too_and_when_to_come_back() {
    let stack = stack(&[]).await;
    let refused = ask(&stack, "a", 1_001, false).await;
    assert_eq!(refused.status, 429);
    check_has(
        &refused,
        &[
            ("x-ratelimit-remaining-requests", "10"),
            ("x-ratelimit-remaining-tokens", "1000"),
            ("x-ratelimit-reset-tokens", "0s"),
            ("x-should-retry", "false"),
        ],
    );
    check_lacks(&refused, &[("retry-after", ""), ("retry-after-ms", "")]);

    ask(&stack, "b", 1_000, false).await;
    let refused = ask(&stack, "b", 1_000, false).await;
    assert_eq!(refused.status, 429);
    check_has(&refused, &[("x-ratelimit-limit-tokens", "1000")]);
    let number = |name| refused.header(name).and_then(|value| value.parse::<u64>().ok());
    let ms = number("retry-after-ms").expect("milliseconds");
    assert_eq!(number("retry-after"), Some(ms.div_ceil(1_000)));
    assert!((1..=60_000).contains(&ms), "{ms}");
    check_lacks(&refused, &[("x-should-retry", "")]);
}

#[tokio::test]
async fn the_ietfs_fields_come_alone_or_with_the_others() {
    let alone = ask(&stack(&[("RATE_LIMIT_HEADERS", "ietf")]).await, "a", 100, true).await;
    check_has(&alone, &IETF);
    check_lacks(&alone, &OPENAI);
    check_lacks(&alone, &FURTHER);
    let both = ask(&stack(&[("RATE_LIMIT_HEADERS", "both")]).await, "a", 100, true).await;
    check_has(&both, &IETF);
    check_has(&both, &OPENAI);
}

#[tokio::test]
async fn the_upstreams_own_can_be_kept_under_another_name() {
    let stack = stack(&[("UPSTREAM_RATE_LIMIT_HEADERS", "rename")]).await;
    let answer = ask(&stack, "a", 100, false).await;
    check_has(&answer, &OPENAI);
    check_lacks(&answer, &IETF);
    check_has(
        &answer,
        &[
            ("x-upstream-x-ratelimit-limit-requests", "5000"),
            ("x-upstream-x-ratelimit-reset-tokens", "6m0s"),
            ("x-upstream-ratelimit", r#""upstream";r=4999;t=1"#),
            ("x-upstream-ratelimit-policy", r#""upstream";q=5000;w=60"#),
        ],
    );
    check_lacks(&answer, &FURTHER);
    for (name, value) in FURTHER {
        check_has(&answer, &[(&format!("x-upstream-{name}"), value)]);
    }
}

#[tokio::test]
async fn headers_that_are_off_leave_the_upstreams_alone() {
    let stack = stack(&[("RATE_LIMIT_HEADERS", "off")]).await;
    let answer = ask(&stack, "a", 100, false).await;
    check_has(
        &answer,
        &[("x-ratelimit-remaining-tokens", "159968"), ("ratelimit", r#""upstream";r=4999;t=1"#)],
    );
    check_has(&answer, &FURTHER);
}

#[tokio::test]
async fn a_limit_that_is_not_set_has_no_headers() {
    let stack = stack(&[]).await;
    stack.admin().put_client("a", None, 1_000).await;
    let answer = ask(&stack, "a", 100, false).await;
    let (requests, tokens) = OPENAI.split_at(3);
    check_lacks(&answer, requests);
    check_has(&answer, tokens);
}

#[tokio::test]
async fn in_shadow_mode_nobody_is_told_of_limits_that_are_not_in_force() {
    let stack = TestStack::builder().mode("shadow").start().await;
    stack.admin().put_client("a", 10, 1_000).await;
    let answer = ask(&stack, "a", 100, false).await;
    check_has(&answer, &[("x-ratelimit-remaining-tokens", "159968")]);
}
