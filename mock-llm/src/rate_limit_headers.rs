//! The rate limit headers of an upstream's own, of every vendor and of gateways at once: something in
//! front of it has to decide what becomes of them.

use http::header::{HeaderName, HeaderValue};

const HEADERS: [(&str, &str); 28] = [
    ("x-ratelimit-limit-requests", "5000"),
    ("x-ratelimit-limit-tokens", "160000"),
    ("x-ratelimit-remaining-requests", "4999"),
    ("x-ratelimit-remaining-tokens", "159968"),
    ("x-ratelimit-reset-requests", "12ms"),
    ("x-ratelimit-reset-tokens", "6m0s"),
    ("ratelimit", "\"upstream\";r=4999;t=1"),
    ("ratelimit-policy", "\"upstream\";q=5000;w=60"),
    ("x-ratelimit-limit", "100"),
    ("x-ratelimit-remaining", "99"),
    ("x-ratelimit-reset", "1767225601"),
    ("x-ratelimit-limit-tokens_usage_based", "80000"),
    ("x-ratelimit-remaining-project-tokens", "79000"),
    ("ratelimit-limit", "100, 100;w=60"),
    ("ratelimit-remaining", "99"),
    ("ratelimit-reset", "30"),
    ("anthropic-ratelimit-requests-limit", "4000"),
    ("anthropic-ratelimit-requests-remaining", "3999"),
    ("anthropic-ratelimit-requests-reset", "2026-01-01T00:00:01Z"),
    ("anthropic-ratelimit-tokens-limit", "480000"),
    ("anthropic-ratelimit-tokens-remaining", "479000"),
    ("anthropic-ratelimit-tokens-reset", "2026-01-01T00:00:02Z"),
    ("anthropic-ratelimit-input-tokens-limit", "400000"),
    ("anthropic-ratelimit-input-tokens-remaining", "399000"),
    ("anthropic-ratelimit-input-tokens-reset", "2026-01-01T00:00:02Z"),
    ("anthropic-ratelimit-output-tokens-limit", "80000"),
    ("anthropic-ratelimit-output-tokens-remaining", "80000"),
    ("anthropic-ratelimit-output-tokens-reset", "2026-01-01T00:00:00Z"),
];

/// All of them.
pub(super) fn all() -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    HEADERS
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
}
