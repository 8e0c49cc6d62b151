//! The README's five examples, each as the file that it is.

use harness::TestStack;
use harness::deadline::eventually;
use harness::http_client::{Answer, HttpClient};
use repository::{read, readme};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{ask, limits_of};

/// The example in this place, in force.
async fn example(number: usize) -> (TestStack, TempDir) {
    let text = read("README.md");
    let chapter = readme::chapter(&text, "Limits");
    let examples = readme::blocks(chapter, "yaml");
    assert_eq!(examples.len(), 5);
    let folder = TempDir::with_prefix("flowguard-limits-").expect("a folder");
    let file = folder.path().join("limits.yaml");
    std::fs::write(&file, &examples[number]).expect("a file");
    let file = file.to_str().expect("a path in UTF-8");
    let stack = TestStack::builder().setting("CONFIG_FILE", file).start().await;
    (stack, folder)
}

async fn send(proxy: &HttpClient, client: &str, model: &str, tokens: u64) -> Answer {
    let query = format!("prompt_tokens={tokens}&completion_tokens=0");
    ask(proxy, client, model, &query).tokens(tokens).send().await
}

#[track_caller]
fn refused_by(answer: &Answer, error: &str, limit: &str) {
    assert_eq!(answer.status, 429, "{}", answer.text());
    let body = answer.json();
    assert_eq!((&body["error"], &body["limit"]), (&json!(error), &json!(limit)));
}

#[tokio::test]
async fn an_organization_stands_above_its_teams() {
    let (stack, _folder) = example(0).await;
    let proxy = stack.proxy();
    assert_eq!(send(&proxy, "alice", "m", 2_000).await.status, 200);
    refused_by(&send(&proxy, "alice", "m", 500).await, "token_limit_exceeded", "team");
    let near = send(&proxy, "bob", "m", 1_500).await;
    refused_by(&near, "token_limit_exceeded", "org");
    assert_eq!(send(&proxy, "bob", "m", 900).await.status, 200);
    // A client of no group is under neither.
    assert!(near.header("retry-after-ms").is_some());
}

#[tokio::test]
async fn each_client_has_a_limit_for_a_model_and_another_on_trial() {
    let (stack, _folder) = example(1).await;
    let proxy = stack.proxy();
    assert_eq!(send(&proxy, "alice", "gpt-4o-2024-11-20", 400).await.status, 200);
    assert_eq!(send(&proxy, "alice", "gpt-4o", 400).await.status, 200);
    refused_by(&send(&proxy, "alice", "GPT-4o", 400).await, "token_limit_exceeded", "per-model");
    assert_eq!(send(&proxy, "alice", "gpt-4o-mini", 4_000).await.status, 200);
    let limits = limits_of(&stack, "alice").await;
    let told = |field: &str| limits["per-model"][field].clone();
    assert_eq!((told("refused"), told("would_refuse")), (json!(1), json!(1)));
}

#[tokio::test]
async fn a_self_hosted_model_has_places() {
    let (stack, _folder) = example(2).await;
    let proxy = stack.proxy();
    let gate = stack.upstream.gate("places");
    let hold = |client: &'static str| {
        let request = ask(&proxy, client, "llama-3-70b", "gate=places").tokens(1);
        tokio::spawn(request.send())
    };
    let mut answers = vec![hold("alice"), hold("alice")];
    arrived(&stack, 2).await;
    refused_by(&send(&proxy, "alice", "llama-3-70b", 1).await, "concurrency_exceeded", "gpu-each");
    answers.push(hold("bob"));
    arrived(&stack, 3).await;
    let full = send(&proxy, "bob", "llama-3-70b", 1).await;
    refused_by(&full, "concurrency_exceeded", "gpu");
    assert_eq!(full.header("retry-after-ms"), Some("1000"));
    gate.open();
    for answer in answers {
        assert_eq!(answer.await.expect("an answer").status, 200);
    }
    eventually("a place", || async {
        (send(&proxy, "alice", "llama-3-70b", 1).await.status == 200).then_some(())
    })
    .await;
}

async fn arrived(stack: &TestStack, requests: usize) {
    eventually("at the upstream", || async {
        (stack.upstream.requests().len() == requests).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_days_budget_has_a_burst() {
    let (stack, _folder) = example(3).await;
    let proxy = stack.proxy();
    for _ in 0..5 {
        assert_eq!(send(&proxy, "alice", "m", 1).await.status, 200);
        assert_eq!(send(&proxy, "bob", "m", 1).await.status, 200);
    }
    let refused = send(&proxy, "alice", "m", 1).await;
    refused_by(&refused, "request_limit_exceeded", "day");
    let wait_ms: u64 =
        refused.header("retry-after-ms").and_then(|ms| ms.parse().ok()).expect("a wait");
    // One of 50 a day.
    assert!((1_700_000..=1_728_000).contains(&wait_ms), "{wait_ms}");
    assert_eq!(send(&proxy, "bob", "m", 1).await.status, 200);
}

#[tokio::test]
async fn a_providers_own_limit_is_watched() {
    let (stack, _folder) = example(4).await;
    let proxy = stack.proxy();
    for _ in 0..3 {
        assert_eq!(send(&proxy, "alice", "anthropic.claude-sonnet-4", 60).await.status, 200);
    }
    let limits: Value = limits_of(&stack, "alice").await;
    assert_eq!(limits["provider"]["would_refuse"], json!(2));
    let metrics = stack.control_plane.metrics().await;
    let labels = [("limit", "provider"), ("mode", "shadow")];
    assert_eq!(metrics.value("flowguard_limit_refused_total", &labels), Some(2.0));
}
