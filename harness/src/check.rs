//! What many tests check in the same way.

use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::{Map, Value};

use crate::admin::ClientStats;
use crate::envoy::Envoy;
use crate::http_client::Answer;

/// An answer of FlowGuard's own: a row of the table in section 2 of docs/contract.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// The code in the body.
    pub error: &'static str,
    /// The text in the body.
    pub message: Message,
}

/// How much of a text is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// All of it.
    Exactly(&'static str),
    /// How it starts.
    StartsWith(&'static str),
}

/// There is no `X-Client-ID`.
pub const NO_CLIENT_ID: Refusal = Refusal {
    status: 400,
    error: "missing_header",
    message: Message::Exactly("X-Client-ID header is required"),
};
/// There is no `X-Token-Estimate`.
pub const NO_ESTIMATE: Refusal = Refusal {
    status: 400,
    error: "missing_header",
    message: Message::Exactly("X-Token-Estimate header is required"),
};
/// `X-Client-ID` is no client id, or is there twice.
pub const INVALID_CLIENT_ID: Refusal = Refusal {
    status: 400,
    error: "invalid_header",
    message: Message::StartsWith("X-Client-ID must be "),
};
/// `X-Token-Estimate` is no number of tokens, or is there twice.
pub const INVALID_ESTIMATE: Refusal = Refusal {
    status: 400,
    error: "invalid_header",
    message: Message::Exactly("X-Token-Estimate must be a non-negative integer"),
};
/// The client is not configured, and such clients are denied.
pub const UNKNOWN_CLIENT: Refusal =
    Refusal { status: 403, error: "unknown_client", message: Message::StartsWith("") };
/// Too many requests a minute.
pub const RPM_EXCEEDED: Refusal = Refusal {
    status: 429,
    error: "rpm_exceeded",
    message: Message::Exactly("Request rate limit exceeded"),
};
/// Too many tokens a minute.
pub const TPM_EXCEEDED: Refusal = Refusal {
    status: 429,
    error: "tpm_exceeded",
    message: Message::Exactly("Token rate limit exceeded"),
};
/// No decision in time.
pub const LIMITER_UNAVAILABLE: Refusal =
    Refusal { status: 503, error: "limiter_unavailable", message: Message::StartsWith("") };

/// The answer is this refusal: status, content type, and the body to the byte.
#[track_caller]
pub fn refused(answer: &Answer, refusal: &Refusal) {
    assert_eq!(answer.status.as_u16(), refusal.status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let sent = answer.json();
    let message = sent["message"].as_str().unwrap_or_default();
    assert_eq!(answer.text(), format!(r#"{{"error":"{}","message":"{message}"}}"#, refusal.error));
    match refusal.message {
        Message::Exactly(text) => assert_eq!(message, text),
        Message::StartsWith(text) => {
            assert!(message.starts_with(text) && !message.is_empty(), "{message}");
        }
    }
    if refusal.status == 429 {
        assert_eq!(
            answer.headers.contains_key("retry-after"),
            answer.headers.contains_key("retry-after-ms")
        );
    } else {
        let retry_after = (refusal.status == 503).then_some("1");
        assert_eq!(answer.header("retry-after"), retry_after, "on a {}", refusal.status);
        for header in ["retry-after-ms", "x-should-retry"] {
            assert!(!answer.headers.contains_key(header), "{header} on a {}", refusal.status);
        }
    }
}

/// The REST API answered with this status and exactly this document.
#[track_caller]
pub fn answered(answer: &Answer, status: u16, body: &Value) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(&answer.json(), body);
}

/// The REST API answered with an error of this status and code; returns its message.
#[track_caller]
pub fn failed(answer: &Answer, status: u16, error: &str) -> String {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body = answer.json();
    assert_eq!(body["error"], error, "{body}");
    assert_eq!(body.as_object().map(Map::len), Some(2), "{body}");
    let message = body["message"].as_str().unwrap_or_default().to_owned();
    assert!(!message.is_empty() && !message.contains('\n'), "{body}");
    message
}

/// The request was admitted and the mock LLM answered it.
#[track_caller]
pub fn admitted(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert!(!answer.text().contains(r#""error""#), "{}", answer.text());
}

/// The request was refused for now, and the same one would pass after what is returned.
#[track_caller]
pub fn refused_for_now(answer: &Answer, refusal: &Refusal) -> Duration {
    refused(answer, refusal);
    let number = |name: &str| -> u64 {
        let value =
            answer.header(name).unwrap_or_else(|| panic!("no {name}: {:?}", answer.headers));
        assert!(value.bytes().all(|byte| byte.is_ascii_digit()), "{name}: {value}");
        value.parse().unwrap_or_else(|error| panic!("{name}: {value}: {error}"))
    };
    let milliseconds = number("retry-after-ms");
    assert!(milliseconds >= 1, "{milliseconds}");
    assert_eq!(
        number("retry-after"),
        milliseconds.div_ceil(1000).max(1),
        "retry-after-ms: {milliseconds}"
    );
    assert_ne!(answer.header("x-should-retry"), Some("false"));
    Duration::from_millis(milliseconds)
}

/// The request was refused and can never pass.
#[track_caller]
pub fn refused_for_good(answer: &Answer) {
    refused(answer, &TPM_EXCEEDED);
    assert!(!answer.headers.contains_key("retry-after"));
    assert!(!answer.headers.contains_key("retry-after-ms"));
    assert_eq!(answer.header("x-should-retry"), Some("false"));
}

/// `expected` was left of a bucket of `limit` a minute at `since`, and nothing was spent after.
#[track_caller]
pub fn balance(remaining: Option<u64>, expected: u64, limit: u64, since: Instant) {
    let remaining = remaining.expect("a limited client has a balance");
    let most = (expected + refill(limit, since.elapsed())).min(limit);
    assert!(
        (expected..=most).contains(&remaining),
        "{remaining} is left, expected {expected} to {most}"
    );
}

/// At most how much a bucket of `limit` a minute gains in a time, in whole units.
pub fn refill(limit: u64, elapsed: Duration) -> u64 {
    // The control plane counts whole milliseconds, of which one may begin before and one end after.
    let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX) + 2;
    (limit * milliseconds).div_ceil(60_000)
}

/// The counters of a client that all its requests went through.
#[track_caller]
pub fn counted(stats: &ClientStats, admitted: u64, rpm_dropped: u64, tpm_dropped: u64) {
    let counts = (stats.success_requests, stats.rpm_dropped, stats.tpm_dropped);
    assert_eq!(counts, (admitted, rpm_dropped, tpm_dropped), "{stats:?}");
    assert_eq!(stats.dropped_requests, rpm_dropped + tpm_dropped, "{stats:?}");
    assert_eq!(stats.total_requests, admitted + rpm_dropped + tpm_dropped, "{stats:?}");
}

/// No worker's filter has trapped: Envoy logged nothing critical and reloaded no VM.
pub async fn filter_is_unharmed(envoy: &Envoy) {
    for line in envoy.log().lines() {
        assert!(!line.contains("[critical]"), "{line}");
        assert!(!line.contains("panicked"), "{line}");
    }
    for (name, value) in envoy.stats("vm_reload|remote_load_fetch_failures|vm_failed").await {
        assert_eq!(value, 0, "{name}");
    }
}
