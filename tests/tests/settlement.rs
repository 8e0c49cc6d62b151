//! What a response used is what its client is charged, to the token, in every ending.

use std::time::{Duration, Instant};

use harness::TestStack;
use harness::check;
use harness::deadline::{eventually, eventually_equal};
use harness::http_client::{Answer, HttpClient};
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";
const RESPONSES: &str = "/v1/responses";

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

async fn post(proxy: &HttpClient, path: &str, stream: bool) -> Answer {
    proxy.post(path).client("a").tokens(100).json(&body(stream)).send().await
}

/// A client without limits, of whom only what it used is of interest.
async fn stack_with_client() -> TestStack {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, None).await;
    stack
}

async fn used_after(stack: &TestStack, what: &str, expected: u64) {
    eventually_equal(what, expected, || async { stack.admin().stats("a").await.tokens_used }).await;
}

#[tokio::test]
async fn every_apis_usage_is_charged_in_documents_and_in_streams() {
    let stack = stack_with_client().await;
    let mut used = 0;
    for (path, stream) in [
        (CHAT, false),
        (CHAT, true),
        ("/v1/completions", false),
        ("/v1/completions", true),
        (RESPONSES, false),
        (RESPONSES, true),
        ("/v1/embeddings", false),
        (MESSAGES, false),
        (MESSAGES, true),
        ("/v1beta/models/m:generateContent", false),
        ("/v1beta/models/m:streamGenerateContent", true),
    ] {
        for form in ["", "&split=1", "&content=adversarial&line_end=crlf&padding=3", "&pretty=1"] {
            let path = format!("{path}?prompt_tokens=11&completion_tokens=7{form}");
            let answer = post(&stack.proxy(), &path, stream).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            used += if path.contains("embeddings") { 11 } else { 18 };
            used_after(&stack, &path, used).await;
        }
    }
    let metrics = stack.control_plane.metrics().await;
    for source in ["completions", "responses", "anthropic", "gemini"] {
        let labels = [("usage_source", source)];
        assert!(metrics.value("flowguard_responses_total", &labels) >= Some(8.0), "{source}");
    }
}

#[tokio::test]
async fn what_cannot_be_known_is_charged_by_the_estimate() {
    let stack = stack_with_client().await;
    let mut used = 0;
    for path in [
        format!("{CHAT}?usage=none"),
        format!("{CHAT}?usage=null"),
        // Of an API that encodes without being asked.
        format!("{CHAT}?encoding=gzip&prompt_tokens=1&completion_tokens=1"),
        format!("{CHAT}?status=404"),
        format!("{CHAT}?error=body"),
        "/v1/audio/transcriptions?audio_seconds=12".to_owned(),
        "/anything".to_owned(),
    ] {
        post(&stack.proxy(), &path, false).await;
        used += 100;
        used_after(&stack, &path, used).await;
    }
    let metrics = stack.control_plane.metrics().await;
    let encoded = [("usage_source", "encoded")];
    assert_eq!(metrics.value("flowguard_responses_total", &encoded), Some(1.0));
}

#[tokio::test]
async fn an_upstream_that_fails_or_is_not_there_costs_a_request_and_no_tokens() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", 10, 1_000).await;
    let started = Instant::now();
    for status in [500, 503] {
        post(&stack.proxy(), &format!("{CHAT}?status={status}"), false).await;
    }
    eventually_equal("settled requests", Some(2.0), || async {
        let metrics = stack.control_plane.metrics().await;
        metrics.value("flowguard_settlements_total", &[("outcome", "upstream_failed")])
    })
    .await;
    let left = stack.admin().stats("a").await;
    assert_eq!((left.tokens_used, left.tpm_remaining), (0, Some(1_000)));
    check::balance(left.rpm_remaining, 8, 10, started);

    let nowhere = TestStack::builder().upstream("http://127.0.0.1:9".to_owned()).start().await;
    nowhere.admin().put_client("a", 10, 1_000).await;
    assert_eq!(post(&nowhere.proxy(), CHAT, false).await.status, 503);
    eventually("the tokens to be given back", || async {
        let left = nowhere.admin().stats("a").await;
        (left.tpm_remaining == Some(1_000)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_charge_of_a_failed_upstream_is_a_setting() {
    for (policy, tokens, requests) in [("estimate", 900, 9), ("nothing", 1_000, 10)] {
        let stack =
            TestStack::builder().setting("CHARGE_ON_UPSTREAM_FAILURE", policy).start().await;
        stack.admin().put_client("a", 10, 1_000).await;
        let started = Instant::now();
        post(&stack.proxy(), &format!("{CHAT}?status=500"), false).await;
        eventually("the end to be told", || async {
            let metrics = stack.control_plane.metrics().await;
            metrics
                .value("flowguard_settlements_total", &[("outcome", "upstream_failed")])
                .filter(|settled| *settled > 0.0)
        })
        .await;
        let left = stack.admin().stats("a").await;
        check::balance(left.tpm_remaining, tokens, 1_000, started);
        check::balance(left.rpm_remaining, requests, 10, started);
    }
}

#[tokio::test]
async fn a_stream_that_the_upstream_cuts_is_charged_with_what_is_known() {
    let stack = stack_with_client().await;
    // Anthropic tells its input at once, and one token of output.
    let path = format!("{MESSAGES}?prompt_tokens=40&completion_tokens=50&abort_after=3");
    let _ = stack.proxy().post(&path).client("a").tokens(100).json(&body(true)).try_send().await;
    used_after(&stack, "an Anthropic stream", 41).await;

    let path = format!("{CHAT}?prompt_tokens=40&completion_tokens=50&abort_after=3");
    let _ = stack.proxy().post(&path).client("a").tokens(100).json(&body(true)).try_send().await;
    used_after(&stack, "an OpenAI stream", 41 + 100).await;
}

#[tokio::test]
async fn a_stream_that_is_cut_can_be_made_to_cost_its_estimate() {
    let stack = TestStack::builder().setting("CHARGE_ON_ABORT", "estimate").start().await;
    stack.admin().put_client("a", None, None).await;
    let path = format!("{MESSAGES}?prompt_tokens=40&completion_tokens=50&abort_after=3");
    let _ = stack.proxy().post(&path).client("a").tokens(100).json(&body(true)).try_send().await;
    used_after(&stack, "a stream that told 41 of its tokens", 100).await;
}

#[tokio::test]
async fn a_stream_that_its_client_leaves_is_charged_with_what_is_known() {
    let stack = stack_with_client().await;
    let path = format!("{MESSAGES}?prompt_tokens=40&completion_tokens=50&gate=left");
    let request = stack.proxy().post(&path).client("a").tokens(100).json(&body(true));
    stack.upstream.gate("left").let_one_through();
    let mut answer = request.open().await;
    answer.next_chunk().await.expect("the first event").expect("no error");
    drop(answer);
    used_after(&stack, "what the first event told", 41).await;
}

#[tokio::test]
async fn a_request_that_ends_while_its_envoy_drains_is_settled() {
    let stack = stack_with_client().await;
    let path = format!("{CHAT}?prompt_tokens=30&completion_tokens=3&gate=drain");
    let proxy = stack.proxy();
    let answer = tokio::spawn(async move { post(&proxy, &path, true).await });
    stack.upstream.request_to(CHAT).await;
    let drained = stack.envoy().admin().post("/drain_listeners?graceful").send().await;
    assert_eq!(drained.status, 200, "{}", drained.text());
    stack.upstream.gate("drain").open();
    check::admitted(&answer.await.expect("the request's task"));
    used_after(&stack, "the drained request", 33).await;
}

/// 1,000 requests at once whose estimates are half of what they use.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_thousand_requests_in_flight_use_beyond_their_estimates_is_paid_back() {
    const REQUESTS: usize = 1_000;
    const USED: u64 = 200_000;
    const LIMIT: u64 = 100_000;
    let stack = TestStack::builder().envoys(2).start().await;
    stack.admin().put_client("a", None, LIMIT).await;
    let proxies: Vec<_> =
        stack.envoys.iter().map(|envoy| HttpClient::http1(envoy.proxy_address())).collect();
    let path = format!("{CHAT}?prompt_tokens=150&completion_tokens=50&gate=all");
    let started = Instant::now();
    let sent: Vec<_> = (0..REQUESTS)
        .map(|number| {
            let (proxy, path) = (proxies[number % proxies.len()].clone(), path.clone());
            tokio::spawn(async move { post(&proxy, &path, number % 2 == 0).await })
        })
        .collect();
    eventually_equal("requests at the upstream", REQUESTS, || async {
        stack.upstream.requests_to(CHAT).len()
    })
    .await;
    stack.upstream.gate("all").open();
    for answer in sent {
        check::admitted(&answer.await.expect("a request's task"));
    }
    used_after(&stack, "the use of all requests", USED).await;

    // The debt is what was used beyond the limit and what flowed back meanwhile.
    let refused = post(&proxies[0], CHAT, false).await;
    let wait_ms =
        refused.header("retry-after-ms").and_then(|ms| ms.parse::<u64>().ok()).expect("a wait");
    let elapsed = started.elapsed();
    let debt = USED - LIMIT;
    let wait = |left: u64| Duration::from_millis((debt + 100 - left) * 60_000 / LIMIT);
    assert_eq!(refused.status, 429);
    assert!(Duration::from_millis(wait_ms) <= wait(0), "{wait_ms} ms");
    assert!(
        Duration::from_millis(wait_ms + 1) >= wait(check::refill(LIMIT, elapsed)),
        "{wait_ms} ms"
    );
    assert!(
        Duration::from_millis(wait_ms) <= Duration::from_secs(61),
        "the next minute pays it back"
    );

    let metrics = stack.control_plane.metrics().await;
    let tokens =
        |kind| metrics.value("flowguard_tokens_total", &[("client_id", "a"), ("kind", kind)]);
    assert_eq!(
        ["estimated", "settled", "refunded", "debt"].map(tokens),
        [100_000.0, 200_000.0, 0.0, 100_000.0].map(Some)
    );
}
