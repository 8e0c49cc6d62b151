//! A 429 says exactly when the same request will pass.

use std::time::{Duration, Instant};

use harness::TestStack;
use harness::check::{self, RPM_EXCEEDED, Refusal, TPM_EXCEEDED};
use harness::http_client::{Answer, HttpClient};
use tokio::time::sleep_until;

/// The control plane's clock counts whole milliseconds: a moment is known to one before and one
/// after.
const TICK: Duration = Duration::from_millis(1);

/// Between which moments a refused request will pass. The decision fell between sending it and its
/// answer.
fn passes_between(answer: &Answer, refusal: &Refusal) -> (Instant, Instant) {
    let wait = check::refused_for_now(answer, refusal);
    // A refusal names a wait of at least one tick.
    (answer.sent + wait.saturating_sub(TICK), answer.received + wait + TICK)
}

/// Spends what there is; then refused again and again until the moment that the first refusal
/// named, each naming the same moment, and admitted then.
async fn passes_exactly_when_it_said(proxy: &HttpClient, tokens: u64, refusal: &Refusal) {
    let send = || proxy.post("/").client("a").tokens(tokens).send();
    let mut answer = send().await;
    while answer.status.is_success() {
        answer = send().await;
    }
    let (mut earliest, mut latest) = passes_between(&answer, refusal);
    loop {
        // Half of the time that is left, until the moment is closer than an exchange takes.
        let pause = earliest.saturating_duration_since(Instant::now()) / 2;
        #[expect(clippy::disallowed_methods, reason = "paces requests by the clock")]
        sleep_until((Instant::now() + pause).into()).await;
        let answer = send().await;
        if answer.received < earliest {
            let (again_earliest, again_latest) = passes_between(&answer, refusal);
            assert!(
                again_earliest <= latest && earliest <= again_latest,
                "the answers name different moments"
            );
            earliest = earliest.max(again_earliest);
            latest = latest.min(again_latest);
        } else if answer.status.is_success() {
            return;
        } else {
            assert!(answer.sent <= latest, "refused after the moment that was named");
        }
    }
}

#[tokio::test]
async fn a_request_passes_at_the_millisecond_that_the_refusal_named() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", 60, None).await;
    for _ in 0..2 {
        passes_exactly_when_it_said(&stack.proxy(), 0, &RPM_EXCEEDED).await;
    }
}

#[tokio::test]
async fn tokens_pass_at_the_millisecond_that_the_refusal_named() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, 6000).await;
    for tokens in [97, 150] {
        passes_exactly_when_it_said(&stack.proxy(), tokens, &TPM_EXCEEDED).await;
    }
}

#[tokio::test]
async fn a_refusal_by_rpm_waits_for_the_tokens_as_well() {
    let stack = TestStack::start().await;
    let proxy = stack.proxy();
    // A request is back after half a minute, 90 tokens after almost a whole one.
    stack.admin().put_client("a", 2, 100).await;
    for tokens in [100, 0] {
        check::admitted(&proxy.post("/").client("a").tokens(tokens).send().await);
    }
    let answer = proxy.post("/").client("a").tokens(90).send().await;
    let wait = check::refused_for_now(&answer, &RPM_EXCEEDED);
    assert!(wait > Duration::from_secs(31), "{wait:?}");
}
