//! The vendors' own Python libraries through a real Envoy: nothing breaks for them, what they were
//! told they used is what is charged, and after a refusal they wait exactly long enough.

use std::fmt::Display;

use harness::TestStack;
use harness::deadline::eventually_equal;
use repository::sdk;
use serde_json::Value;
use tokio::task::JoinSet;

const APIS: [(&str, &str); 9] = [
    ("chat", "document"),
    ("chat", "stream"),
    ("completions", "document"),
    ("completions", "stream"),
    ("responses", "document"),
    ("responses", "stream"),
    ("embeddings", "document"),
    ("messages", "document"),
    ("messages", "stream"),
];

/// What the library's caller got.
async fn call(
    stack: &TestStack,
    (api, form): (&str, &str),
    estimate: impl Display,
    max_retries: u32,
    calls: u32,
    pairs: &[&str],
) -> Value {
    let origin = format!("http://{}", stack.proxy_address());
    let [estimate, max_retries, calls] =
        [estimate.to_string(), max_retries.to_string(), calls.to_string()];
    let mut arguments = vec![&*origin, api, form, &estimate, &max_retries, &calls];
    arguments.extend(pairs);
    sdk::call("call.py", &arguments).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_library_was_told_it_used_is_charged_to_the_token() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, 1_000_000_000).await;
    let mut used = 0;
    for api in APIS {
        let pairs = ["prompt_tokens=31", "completion_tokens=17", "cache_read_tokens=5", "split=3"];
        let answer = call(&stack, api, 100, 0, 1, &pairs).await;
        assert_eq!(answer["statuses"], serde_json::json!([200]), "{api:?}: {answer}");
        assert!(!answer["text"].as_str().expect("a text").is_empty(), "{api:?}: {answer}");
        assert_eq!(answer["limits"]["x-ratelimit-limit-tokens"], "1000000000", "{answer}");
        used += answer["used"].as_u64().expect("a usage");
        eventually_equal("tokens used", used, || async {
            stack.admin().stats("a").await.tokens_used
        })
        .await;
    }
}

/// Each reserves 60 % of the limit and uses next to nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_librarys_calls_in_a_row_are_never_told_to_wait() {
    for api in [("chat", "document"), ("chat", "stream"), ("messages", "stream")] {
        let stack = TestStack::start().await;
        stack.admin().put_client("a", None, 5_000).await;
        let pairs = ["prompt_tokens=10", "completion_tokens=4"];
        let answer = call(&stack, api, 3_000, 2, 6, &pairs).await;
        assert_eq!(answer["statuses"], serde_json::json!(vec![200; 6]), "{api:?}: {answer}");
        println!("{api:?}: six calls in {} s", answer["seconds"]);
    }
}

/// What six calls take, in seconds.
async fn six_calls(stack: &TestStack) -> f64 {
    let pairs = ["prompt_tokens=10", "completion_tokens=4"];
    let answer = call(stack, ("chat", "document"), 3_000, 2, 6, &pairs).await;
    assert_eq!(answer["statuses"], serde_json::json!(vec![200; 6]), "{answer}");
    answer["seconds"].as_f64().expect("a duration")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute: the median of five runs with a limiter and five without"]
async fn a_librarys_calls_in_a_row_take_no_longer_than_without_a_limiter() {
    const ROUNDS: usize = 5;
    const MORE_MAX_S: f64 = 0.05;
    let limited = TestStack::start().await;
    limited.admin().put_client("a", None, 5_000).await;
    let unlimited = TestStack::builder().mode("pass").start().await;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        with.push(six_calls(&limited).await);
        without.push(six_calls(&unlimited).await);
    }
    println!("six calls in seconds: {with:?} with a limiter, {without:?} without");
    with.sort_unstable_by(f64::total_cmp);
    without.sort_unstable_by(f64::total_cmp);
    let (with, without) = (with[ROUNDS / 2], without[ROUNDS / 2]);
    assert!(with <= without + MORE_MAX_S, "{with} s with a limiter, {without} s without");
}

async fn check_first_retry_passes(error_format: &str, api: (&str, &str)) {
    let stack = TestStack::builder().setting("ERROR_FORMAT", error_format).start().await;
    // The second call lacks 200 tokens, which is 10 s. Both are made by one process: a Python that
    // starts in between could take that long.
    stack.admin().put_client("a", None, 1_200).await;
    let answer = call(&stack, api, 700, 1, 2, &["prompt_tokens=650", "completion_tokens=50"]).await;
    assert_eq!(answer["statuses"], serde_json::json!([200, 429, 200]), "{error_format} {answer}");
    assert_eq!(answer["used"], 700);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_librarys_first_retry_passes_because_it_waited_long_enough() {
    let mut checks = JoinSet::new();
    for error_format in ["flowguard", "openai", "anthropic"] {
        for api in [("chat", "document"), ("messages", "stream")] {
            checks.spawn(check_first_retry_passes(error_format, api));
        }
    }
    checks.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_does_not_retry_what_can_never_pass_and_raises_its_own_error() {
    for (error_format, api) in [("openai", "chat"), ("anthropic", "messages")] {
        let stack = TestStack::builder().setting("ERROR_FORMAT", error_format).start().await;
        stack.admin().put_client("a", None, 1_000).await;
        let answer = call(&stack, (api, "document"), 1_001, 2, 1, &[]).await;
        assert_eq!(answer["statuses"], serde_json::json!([429]), "{answer}");
        assert_eq!(answer["error"], "RateLimitError", "{answer}");
        let body = &answer["body"];
        if error_format == "openai" {
            assert_eq!(
                (&body["code"], &body["type"]),
                (&"rate_limit_exceeded".into(), &"tokens".into())
            );
        } else {
            assert_eq!(body["error"]["type"], "rate_limit_error", "{answer}");
        }
    }
}

/// FlowGuard's own answers: the status, what OpenAI's and Anthropic's libraries raise, and what their
/// user has to read.
const OWN_ANSWERS: [(u16, [&str; 2], &str); 4] = [
    (400, ["BadRequestError"; 2], "X-Token-Estimate must be a non-negative integer"),
    (403, ["PermissionDeniedError"; 2], "X-Client-ID is not a configured client"),
    (429, ["RateLimitError"; 2], "Request too large for this client on tokens per min (TPM)"),
    (503, ["InternalServerError", "ServiceUnavailableError"], "The rate limiter did not decide"),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_user_of_either_library_reads_why_though_nobody_said_which_one_it_is() {
    let mut stack = TestStack::builder()
        .setting("ERROR_FORMAT", "auto")
        .setting("UNKNOWN_CLIENTS", "deny")
        .setting("DECISION_TIMEOUT_MS", "1000")
        .start()
        .await;
    for (status, errors, text) in OWN_ANSWERS {
        match status {
            429 => stack.admin().put_client("a", None, 1_000).await,
            503 => stack.control_plane.process().kill(),
            _ => {}
        }
        let estimate = if status == 400 { "many" } else { "1001" };
        let answers = tokio::join!(
            call(&stack, ("chat", "document"), estimate, 0, 1, &[]),
            call(&stack, ("messages", "document"), estimate, 0, 1, &[]),
        );
        for (answer, error) in [answers.0, answers.1].into_iter().zip(errors) {
            assert_eq!(answer["statuses"], serde_json::json!([status]), "{answer}");
            assert_eq!(answer["error"], error, "{answer}");
            let message = answer["message"].as_str().unwrap_or_default();
            assert!(message.contains(text), "{answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn either_library_tries_a_limiter_that_did_not_answer_again_after_a_second() {
    let mut stack = TestStack::builder()
        .setting("ERROR_FORMAT", "auto")
        .setting("DECISION_TIMEOUT_MS", "100")
        .start()
        .await;
    stack.control_plane.process().kill();
    let answers = tokio::join!(
        call(&stack, ("chat", "document"), 1, 1, 1, &[]),
        call(&stack, ("messages", "document"), 1, 1, 1, &[]),
    );
    for answer in [answers.0, answers.1] {
        assert_eq!(answer["statuses"], serde_json::json!([503, 503]), "{answer}");
        let seconds = answer["seconds"].as_f64().expect("a duration");
        assert!((1.0..8.0).contains(&seconds), "{answer}");
    }
}
