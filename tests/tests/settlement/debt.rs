//! What is used beyond the estimates is owed.

use std::time::{Duration, Instant};

use harness::TestStack;
use harness::check;
use harness::deadline::eventually_equal;
use harness::http_client::HttpClient;

use super::{CHAT, ESTIMATE, post, tokens_are, used_after};

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
    let wait = |left: u64| Duration::from_millis((debt + ESTIMATE - left) * 60_000 / LIMIT);
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

    tokens_are(&stack, [LIMIT, USED, 0, debt]).await;
}
