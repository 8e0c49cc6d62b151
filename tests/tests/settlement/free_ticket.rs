//! An estimate of 0 is no free ticket: in every way in which a stream can come to its end without
//! having told what it used, what passes is held to the limit, as the upstream counts it.

use std::time::{Duration, Instant};

use harness::TestStack;
use harness::check;
use harness::deadline::eventually;
use harness::http_client::HttpClient;
use serde_json::json;
use tokio::task::JoinSet;

const LIMIT: u64 = 3_000;
const AT_ONCE: u64 = 8;
/// Fifty events of 20 tokens.
const STREAM_MAX: u64 = 1_000;
const FOR: Duration = Duration::from_secs(3);

/// How a stream is made to tell nothing.
#[derive(Clone, Copy, Debug)]
struct Variant {
    path: &'static str,
    /// The client leaves when it has read this.
    leaves_at: Option<&'static str>,
}

const VARIANTS: [Variant; 5] = [
    // OpenAI's, not asked for its usage.
    Variant { path: "/v1/chat/completions?", leaves_at: None },
    // Left before the event that tells it.
    Variant { path: "/v1/chat/completions?", leaves_at: Some("\"finish_reason\":\"stop\"") },
    // Anthropic's, of which only the last events tell the output.
    Variant { path: "/v1/messages?", leaves_at: Some("content_block_stop") },
    Variant { path: "/v1/messages?usage=none&", leaves_at: None },
    Variant { path: "/v1beta/models/m:streamGenerateContent?alt=sse&usage=none&", leaves_at: None },
];

async fn ask(client: &HttpClient, variant: Variant, language: &str) {
    let path =
        format!("{}language={language}&tokens_per_event=1-20&chunks=50&delay_ms=2", variant.path);
    let body = json!({"model": "m", "stream": true, "messages": [], "contents": []});
    let request = client.post(&path).client("a").tokens(0).json(&body);
    let mut answer = request.open().await;
    let mut read = String::new();
    while let Some(Ok(chunk)) = answer.next_chunk().await {
        read.push_str(&String::from_utf8_lossy(&chunk));
        if variant.leaves_at.is_some_and(|end| read.contains(end)) {
            return;
        }
    }
}

async fn is_held_to_the_limit(variant: Variant) {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, LIMIT).await;
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for task in 0..AT_ONCE {
        let client = HttpClient::http1(stack.proxy_address());
        tasks.spawn(async move {
            for language in
                ["en", "de", "zh"].iter().cycle().skip(usize::try_from(task).unwrap_or(0))
            {
                if started.elapsed() > FOR {
                    break;
                }
                ask(&client, variant, language).await;
            }
        });
    }
    while tasks.join_next().await.is_some() {}
    let elapsed = started.elapsed();
    let requests = stack.upstream.requests();
    let counted: u64 = requests.iter().map(|request| request.output_tokens()).sum();
    let forwarded = requests.len() as u64;
    let used = eventually("all ends", || async {
        let metrics = stack.control_plane.metrics().await;
        let ended: f64 = ["completed", "aborted"]
            .iter()
            .filter_map(|outcome| {
                metrics.value("flowguard_settlements_total", &[("outcome", outcome)])
            })
            .sum();
        #[expect(clippy::cast_precision_loss, reason = "a test's requests are few")]
        let is_all = ended >= forwarded as f64;
        if is_all { Some(stack.admin().stats("a").await.tokens_used) } else { None }
    })
    .await;
    println!(
        "{variant:?}: {forwarded} streams, {counted} tokens as the upstream counts, {used} charged"
    );
    let most = LIMIT + check::refill(LIMIT, elapsed) + AT_ONCE * STREAM_MAX;
    assert!(counted <= 2 * most, "{variant:?}: {counted} tokens passed, {most} were there");
    assert!(counted >= LIMIT, "{variant:?}: {counted} tokens passed of {LIMIT}");
    assert!(2 * used >= counted, "{variant:?}: {used} charged for {counted}");
    assert!(used <= 2 * counted, "{variant:?}: {used} charged for {counted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_with_an_estimate_of_0_that_tell_no_usage_are_held_to_the_limit() {
    for variant in VARIANTS {
        is_held_to_the_limit(variant).await;
    }
}
