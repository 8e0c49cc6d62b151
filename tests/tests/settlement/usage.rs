//! What a response says it used, and what is charged when it says nothing.

use std::time::Instant;

use harness::TestStack;
use harness::check;
use harness::deadline::{eventually, eventually_equal};

use super::{CHAT, MESSAGES, RESPONSES, post, stack_with_client, used_after};

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
        ("/model/m/converse", false),
        ("/model/m/converse-stream", true),
        ("/model/m/invoke", false),
        ("/api/chat", false),
        ("/api/chat", true),
        ("/api/generate", true),
        ("/v2/chat", false),
        ("/v2/chat", true),
        ("/client/v4/accounts/a/ai/run/@cf/m", false),
        ("/client/v4/accounts/a/ai/run/@cf/m", true),
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
    for (source, least) in [
        ("completions", 8.0),
        ("responses", 8.0),
        ("anthropic", 8.0),
        ("gemini", 8.0),
        ("bedrock", 8.0),
        ("ollama", 8.0),
        ("cohere", 8.0),
        ("workers_ai", 4.0),
    ] {
        let labels = [("usage_source", source)];
        assert!(metrics.value("flowguard_responses_total", &labels) >= Some(least), "{source}");
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
async fn an_answer_that_refuses_costs_a_request_and_no_tokens() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", 10, 1_000).await;
    for answer in ["status=302&usage=none", "status=400", "status=404", "status=429"] {
        post(&stack.proxy(), &format!("{CHAT}?{answer}"), false).await;
    }
    eventually_equal("settled requests", Some(4.0), || async {
        let metrics = stack.control_plane.metrics().await;
        metrics.value("flowguard_settlements_total", &[("outcome", "upstream_refused")])
    })
    .await;
    let left = stack.admin().stats("a").await;
    assert_eq!((left.tokens_used, left.tpm_remaining), (0, Some(1_000)));
    assert!(left.rpm_remaining < Some(8), "{:?}", left.rpm_remaining);
}

#[tokio::test]
async fn a_response_that_envoy_gave_up_waiting_for_costs_its_estimate() {
    let stack = TestStack::builder().setting("STREAM_IDLE_TIMEOUT_S", "1").start().await;
    stack.admin().put_client("a", None, None).await;
    let late = post(&stack.proxy(), &format!("{CHAT}?stall=head"), false).await;
    assert_eq!(late.status, 504, "{}", late.text());
    used_after(&stack, "what Envoy gave up", 100).await;
    // The same status in the upstream's own words is a failure of the upstream.
    let failed = post(&stack.proxy(), &format!("{CHAT}?status=504"), false).await;
    assert_eq!(failed.status, 504);
    eventually_equal("failures of the upstream", Some(1.0), || async {
        let metrics = stack.control_plane.metrics().await;
        metrics.value("flowguard_settlements_total", &[("outcome", "upstream_failed")])
    })
    .await;
    used_after(&stack, "both", 100).await;
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
