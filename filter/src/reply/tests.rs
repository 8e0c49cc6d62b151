//! Every reply in every format, to the byte.

use limiter::Dimension;

use super::*;
use crate::{
    identity::{Unauthenticated, Unidentified},
    request_headers::InvalidHeaders,
    verdict::{Balance, LimitName, Refusal, Shortage, Tightest},
};

const REQUESTS: Balance = Balance::own(3, 0, 3, 60_000);
const TOKENS: Balance = Balance::own(10_000, 1_446, 8_554, 51_324);

fn refused(limit: Dimension, wait: Wait) -> Box<Refusal> {
    refused_by(
        match limit {
            Dimension::Rpm => Shortage::Requests(REQUESTS),
            Dimension::Tpm => Shortage::Tokens(TOKENS),
        },
        wait,
    )
}

fn refused_by(shortage: Shortage, wait: Wait) -> Box<Refusal> {
    let tightest = Tightest { requests: Some(REQUESTS), tokens: Some(TOKENS) };
    Box::new(Refusal { shortage, tightest, wait, requested_tokens: 3_082 })
}

fn reply(body_format: BodyFormat, denial: &Denial) -> Reply {
    ReplyStyle { body_format, ..ReplyStyle::default() }.reply(denial)
}

fn check(denial: &Denial, status: u32, bodies: [&str; 3]) {
    let formats = [BodyFormat::Flowguard, BodyFormat::Openai, BodyFormat::Anthropic];
    for (format, body) in formats.into_iter().zip(bodies) {
        let reply = reply(format, denial);
        assert_eq!(reply.body, body);
        assert_eq!(reply.status, status, "{body}");
        assert_eq!(header(&reply, "content-type"), Some("application/json"), "{body}");
    }
}

fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    reply.headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.as_str())
}

#[test]
fn a_missing_header_is_named() {
    check(
        &Denial::InvalidHeaders(InvalidHeaders::NoClientId),
        400,
        [
            r#"{"error":"missing_header","message":"X-Client-ID header is required"}"#,
            r#"{"error":{"message":"X-Client-ID header is required","type":"invalid_request_error","param":"X-Client-ID","code":"missing_header"}}"#,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"X-Client-ID header is required"}}"#,
        ],
    );
    check(
        &Denial::InvalidHeaders(InvalidHeaders::NoTokenEstimate),
        400,
        [
            r#"{"error":"missing_header","message":"X-Token-Estimate header is required"}"#,
            r#"{"error":{"message":"X-Token-Estimate header is required","type":"invalid_request_error","param":"X-Token-Estimate","code":"missing_header"}}"#,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"X-Token-Estimate header is required"}}"#,
        ],
    );
}

#[test]
fn who_is_not_known_is_told_what_is_missing_and_never_what_was_shown() {
    let unauthenticated = |why| Denial::Unidentified(Unidentified::Unauthenticated(why));
    check(
        &unauthenticated(Unauthenticated::NoKey),
        401,
        [
            r#"{"error":"missing_credential","message":"An API key is required"}"#,
            r#"{"error":{"message":"An API key is required","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
            r#"{"type":"error","error":{"type":"authentication_error","message":"An API key is required"}}"#,
        ],
    );
    check(
        &unauthenticated(Unauthenticated::InvalidKey),
        401,
        [
            r#"{"error":"invalid_api_key","message":"The API key is not valid"}"#,
            r#"{"error":{"message":"The API key is not valid","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
            r#"{"type":"error","error":{"type":"authentication_error","message":"The API key is not valid"}}"#,
        ],
    );
    for (why, code, message) in [
        (Unauthenticated::SeveralKeys, "invalid_api_key", "Only one API key may be given"),
        (Unauthenticated::NoClaim, "missing_credential", "A token that says who asks is required"),
        (
            Unauthenticated::NoCertificate,
            "missing_credential",
            "A client certificate that says who asks is required",
        ),
    ] {
        let reply = reply(BodyFormat::Flowguard, &unauthenticated(why));
        assert_eq!(reply.body, format!(r#"{{"error":"{code}","message":"{message}"}}"#));
        assert_eq!(header(&reply, "www-authenticate"), Some("Bearer"));
        assert_eq!(header(&reply, "retry-after"), None);
    }
}

#[test]
fn an_identity_that_is_nobodys_is_forbidden() {
    let denial = Denial::Unidentified(Unidentified::InvalidIdentity);
    check(
        &denial,
        403,
        [
            r#"{"error":"invalid_identity","message":"The verified identity is no client's"}"#,
            r#"{"error":{"message":"The verified identity is no client's","type":"invalid_request_error","param":null,"code":"invalid_identity"}}"#,
            r#"{"type":"error","error":{"type":"permission_error","message":"The verified identity is no client's"}}"#,
        ],
    );
    assert_eq!(header(&reply(BodyFormat::Openai, &denial), "www-authenticate"), None);
}

#[test]
fn a_wrong_header_is_named() {
    check(
        &Denial::InvalidHeaders(InvalidHeaders::ClientId),
        400,
        [
            r#"{"error":"invalid_header","message":"X-Client-ID must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ - + | = / ~, but not . or .. alone"}"#,
            r#"{"error":{"message":"X-Client-ID must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ - + | = / ~, but not . or .. alone","type":"invalid_request_error","param":"X-Client-ID","code":"invalid_header"}}"#,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"X-Client-ID must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ - + | = / ~, but not . or .. alone"}}"#,
        ],
    );
    check(
        &Denial::InvalidHeaders(InvalidHeaders::RepeatedClientId),
        400,
        [
            r#"{"error":"invalid_header","message":"X-Client-ID must be given only once"}"#,
            r#"{"error":{"message":"X-Client-ID must be given only once","type":"invalid_request_error","param":"X-Client-ID","code":"invalid_header"}}"#,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"X-Client-ID must be given only once"}}"#,
        ],
    );
    check(
        &Denial::InvalidHeaders(InvalidHeaders::TokenEstimate),
        400,
        [
            r#"{"error":"invalid_header","message":"X-Token-Estimate must be a non-negative integer"}"#,
            r#"{"error":{"message":"X-Token-Estimate must be a non-negative integer","type":"invalid_request_error","param":"X-Token-Estimate","code":"invalid_header"}}"#,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"X-Token-Estimate must be a non-negative integer"}}"#,
        ],
    );
}

#[test]
fn an_unknown_client_is_not_permitted() {
    check(
        &Denial::UnknownClient,
        403,
        [
            r#"{"error":"unknown_client","message":"X-Client-ID is not a configured client"}"#,
            r#"{"error":{"message":"X-Client-ID is not a configured client","type":"invalid_request_error","param":"X-Client-ID","code":"unknown_client"}}"#,
            r#"{"type":"error","error":{"type":"permission_error","message":"X-Client-ID is not a configured client"}}"#,
        ],
    );
}

#[test]
fn a_limiter_that_does_not_answer_is_an_error_of_the_server() {
    check(
        &Denial::LimiterUnavailable,
        503,
        [
            r#"{"error":"limiter_unavailable","message":"The rate limiter did not decide in time"}"#,
            r#"{"error":{"message":"The rate limiter did not decide in time","type":"server_error","param":null,"code":"limiter_unavailable"}}"#,
            r#"{"type":"error","error":{"type":"api_error","message":"The rate limiter did not decide in time"}}"#,
        ],
    );
}

#[test]
fn a_limiter_that_does_not_answer_is_to_be_asked_again_in_a_second() {
    for format in [BodyFormat::Flowguard, BodyFormat::Openai, BodyFormat::Anthropic] {
        let reply = reply(format, &Denial::LimiterUnavailable);
        assert_eq!(header(&reply, "retry-after"), Some("1"), "{format:?}");
        assert_eq!(header(&reply, "retry-after-ms"), None, "{format:?}");
    }
    for denial in [Denial::UnknownClient, Denial::InvalidHeaders(InvalidHeaders::NoClientId)] {
        assert_eq!(header(&reply(BodyFormat::Openai, &denial), "retry-after"), None, "{denial:?}");
    }
}

#[test]
fn a_refusal_tells_its_figures() {
    check(
        &Denial::Refused(refused(Dimension::Rpm, Wait::Millis(20_000))),
        429,
        [
            r#"{"error":"rpm_exceeded","message":"Request rate limit exceeded"}"#,
            r#"{"error":{"message":"Rate limit reached for this client on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s.","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#,
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"Rate limit reached for this client on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s."}}"#,
        ],
    );
    check(
        &Denial::Refused(refused(Dimension::Tpm, Wait::Millis(9_816))),
        429,
        [
            r#"{"error":"tpm_exceeded","message":"Token rate limit exceeded"}"#,
            r#"{"error":{"message":"Rate limit reached for this client on tokens per min (TPM): Limit 10000, Used 8554, Requested 3082. Please try again in 9.816s.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"Rate limit reached for this client on tokens per min (TPM): Limit 10000, Used 8554, Requested 3082. Please try again in 9.816s."}}"#,
        ],
    );
}

#[test]
fn a_request_that_never_fits_is_told_so() {
    let refused =
        Box::new(Refusal { requested_tokens: 10_001, ..*refused(Dimension::Tpm, Wait::Never) });
    check(
        &Denial::Refused(refused),
        429,
        [
            r#"{"error":"tpm_exceeded","message":"Token rate limit exceeded"}"#,
            r#"{"error":{"message":"Request too large for this client on tokens per min (TPM): Limit 10000, Requested 10001. No wait will make it fit.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"Request too large for this client on tokens per min (TPM): Limit 10000, Requested 10001. No wait will make it fit."}}"#,
        ],
    );
}

#[test]
fn a_refusal_by_another_limit_tells_its_name() {
    let org = TOKENS.named("org", 60);
    check(
        &Denial::Refused(refused_by(Shortage::Tokens(org), Wait::Millis(9_816))),
        429,
        [
            r#"{"error":"token_limit_exceeded","message":"Token limit exceeded","limit":"org"}"#,
            r#"{"error":{"message":"Rate limit reached for this client on tokens per min (limit org): Limit 10000, Requested 3082. Please try again in 9.816s.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"Rate limit reached for this client on tokens per min (limit org): Limit 10000, Requested 3082. Please try again in 9.816s."}}"#,
        ],
    );
    let day = REQUESTS.named("day", 86_400);
    check(
        &Denial::Refused(refused_by(Shortage::Requests(day), Wait::Millis(28_800_000))),
        429,
        [
            r#"{"error":"request_limit_exceeded","message":"Request limit exceeded","limit":"day"}"#,
            r#"{"error":{"message":"Rate limit reached for this client on requests per day (limit day): Limit 3, Requested 1. Please try again in 8h0m0s.","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#,
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"Rate limit reached for this client on requests per day (limit day): Limit 3, Requested 1. Please try again in 8h0m0s."}}"#,
        ],
    );
    let name = LimitName::parse("running".to_owned()).unwrap();
    let places =
        Denial::Refused(refused_by(Shortage::Places { name, places: 8 }, Wait::Millis(1_000)));
    check(
        &places,
        429,
        [
            r#"{"error":"concurrency_exceeded","message":"Concurrency limit exceeded","limit":"running"}"#,
            r#"{"error":{"message":"Rate limit reached for this client on concurrent requests (limit running): Limit 8, Requested 1. Please try again in 1s.","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#,
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"Rate limit reached for this client on concurrent requests (limit running): Limit 8, Requested 1. Please try again in 1s."}}"#,
        ],
    );
    let reply = reply(BodyFormat::Flowguard, &places);
    assert_eq!(header(&reply, "retry-after"), Some("1"));
    assert_eq!(header(&reply, "retry-after-ms"), Some("1000"));
}

#[test]
fn what_never_fits_into_a_burst_is_told_the_burst() {
    let budget = Balance { burst: 3_000, ..TOKENS.named("budget", 43_200) };
    check(
        &Denial::Refused(refused_by(Shortage::Tokens(budget), Wait::Never)),
        429,
        [
            r#"{"error":"token_limit_exceeded","message":"Token limit exceeded","limit":"budget"}"#,
            r#"{"error":{"message":"Request too large for this client on tokens per 12h0m0s (limit budget): Limit 10000, Burst 3000, Requested 3082. No wait will make it fit.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"Request too large for this client on tokens per 12h0m0s (limit budget): Limit 10000, Burst 3000, Requested 3082. No wait will make it fit."}}"#,
        ],
    );
}

#[test]
fn what_others_used_of_a_shared_limit_is_not_told() {
    let shared = Balance { used: 7_777, ..TOKENS.named("org", 60) };
    let denial = Denial::Refused(refused_by(Shortage::Tokens(shared), Wait::Millis(1)));
    for format in [BodyFormat::Flowguard, BodyFormat::Openai, BodyFormat::Anthropic] {
        let reply = reply(format, &denial);
        assert!(!reply.body.contains("7777") && !reply.body.contains("Used"), "{}", reply.body);
        assert_eq!(header(&reply, "x-ratelimit-remaining-tokens"), Some("1446"), "the tightest");
    }
}

#[test]
fn a_client_in_debt_has_used_more_than_its_limit() {
    let having_used = |used| {
        let balance = Balance::own(10_000, 0, used, 90_000);
        let tightest = Tightest { requests: None, tokens: Some(balance.clone()) };
        let refusal = refused_by(Shortage::Tokens(balance), Wait::Millis(48_492));
        Denial::Refused(Box::new(Refusal { tightest, ..*refusal }))
    };
    for format in [BodyFormat::Openai, BodyFormat::Anthropic] {
        let reply = reply(format, &having_used(15_000));
        assert!(
            reply.body.contains("Limit 10000, Used 15000, Requested 3082."),
            "{format:?}: {}",
            reply.body
        );
        assert_eq!(header(&reply, "x-ratelimit-remaining-tokens"), Some("0"), "{format:?}");
    }
    let most = reply(BodyFormat::Openai, &having_used(u64::MAX)).body;
    assert!(most.contains(&format!("Used {}, ", u64::MAX)), "{most}");
}

#[test]
fn retry_after_is_rounded_up_to_whole_seconds_and_in_milliseconds_exact() {
    for (ms, seconds) in
        [(1, "1"), (999, "1"), (1_000, "1"), (1_001, "2"), (59_999, "60"), (600_000, "600")]
    {
        let denial = Denial::Refused(refused(Dimension::Rpm, Wait::Millis(ms)));
        let reply = reply(BodyFormat::Flowguard, &denial);
        assert_eq!(header(&reply, "retry-after"), Some(seconds));
        assert_eq!(header(&reply, "retry-after-ms"), Some(ms.to_string().as_str()));
        assert_eq!(header(&reply, "x-should-retry"), None);
    }
}

#[test]
fn what_never_fits_is_not_to_be_retried() {
    let reply =
        reply(BodyFormat::Flowguard, &Denial::Refused(refused(Dimension::Tpm, Wait::Never)));
    assert_eq!(header(&reply, "x-should-retry"), Some("false"));
    assert_eq!(header(&reply, "retry-after"), None);
    assert_eq!(header(&reply, "retry-after-ms"), None);
}

#[test]
fn a_refusal_tells_where_the_client_stands_as_configured() {
    let denial = Denial::Refused(refused(Dimension::Tpm, Wait::Millis(9_816)));
    let reply_with = |rate_limit_headers| {
        ReplyStyle { rate_limit_headers, body_format: BodyFormat::Flowguard }.reply(&denial)
    };
    let openai = reply_with(RateLimitHeaders::Openai);
    assert_eq!(header(&openai, "x-ratelimit-remaining-tokens"), Some("1446"));
    assert_eq!(header(&openai, "x-ratelimit-reset-tokens"), Some("51.324s"));
    assert_eq!(header(&openai, "ratelimit"), None);
    let ietf = reply_with(RateLimitHeaders::Ietf);
    assert_eq!(header(&ietf, "ratelimit"), Some(r#""rpm";r=0;t=60, "tpm";r=1446;t=52"#));
    assert_eq!(header(&ietf, "x-ratelimit-remaining-tokens"), None);
    let names = |reply: &Reply| reply.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    assert_eq!(
        names(&reply_with(RateLimitHeaders::Off)),
        ["content-type", "retry-after", "retry-after-ms"]
    );
}
