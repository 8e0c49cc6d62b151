//! What the proxy answers: section 2 of docs/contract.md, condition by condition and in its order.

use harness::TestStack;
use harness::check::{
    self, INVALID_CLIENT_ID, INVALID_ESTIMATE, NO_CLIENT_ID, NO_ESTIMATE, RPM_EXCEEDED, Refusal,
    TPM_EXCEEDED, UNKNOWN_CLIENT,
};
use harness::http_client::{Answer, HttpClient};
use http::{Method, Version};

const ID: &str = "x-client-id";
const ESTIMATE: &str = "x-token-estimate";

async fn get_with(proxy: &HttpClient, headers: &[(&str, &str)]) -> Answer {
    let request = headers
        .iter()
        .fold(proxy.get("/v1/models"), |request, (name, value)| request.header(name, value));
    request.send().await
}

#[tokio::test]
async fn the_first_condition_that_holds_is_the_answer() {
    let stack = TestStack::builder().setting("UNKNOWN_CLIENTS", "deny").start().await;
    stack.admin().put_client("spent", 1, 10).await;
    check::admitted(&stack.proxy().post("/").client("spent").tokens(10).send().await);

    let table: &[(&[(&str, &str)], &Refusal)] = &[
        (&[], &NO_CLIENT_ID),
        (&[(ESTIMATE, "1")], &NO_CLIENT_ID),
        (&[(ESTIMATE, "x")], &NO_CLIENT_ID),
        (&[(ESTIMATE, "1"), (ESTIMATE, "1")], &NO_CLIENT_ID),
        (&[(ID, "spent")], &NO_ESTIMATE),
        (&[(ID, "not an id")], &NO_ESTIMATE),
        (&[(ID, "spent"), (ID, "spent")], &NO_ESTIMATE),
        (&[(ID, "not an id"), (ESTIMATE, "1")], &INVALID_CLIENT_ID),
        (&[(ID, "not an id"), (ESTIMATE, "x")], &INVALID_CLIENT_ID),
        (&[(ID, "spent"), (ID, "spent"), (ESTIMATE, "x")], &INVALID_CLIENT_ID),
        (&[(ID, "spent"), (ESTIMATE, "x")], &INVALID_ESTIMATE),
        (&[(ID, "stranger"), (ESTIMATE, "-1")], &INVALID_ESTIMATE),
        (&[(ID, "stranger"), (ESTIMATE, "1"), (ESTIMATE, "1")], &INVALID_ESTIMATE),
        (&[(ID, "stranger"), (ESTIMATE, "1")], &UNKNOWN_CLIENT),
        (&[(ID, "stranger"), (ESTIMATE, "1000000000000")], &UNKNOWN_CLIENT),
        (&[(ID, "spent"), (ESTIMATE, "10")], &RPM_EXCEEDED),
    ];
    for proxy in [stack.proxy(), HttpClient::http2(stack.proxy_address())] {
        for (headers, refusal) in table {
            println!("{headers:?}");
            check::refused(&get_with(&proxy, headers).await, refusal);
        }
    }
    assert_eq!(stack.upstream.requests().len(), 1, "a refused request does not reach the upstream");
}

#[tokio::test]
async fn a_client_id_is_1_to_128_characters_of_a_small_alphabet() {
    let stack = TestStack::builder().setting("UNKNOWN_CLIENTS", "allow").start().await;
    let proxy = stack.proxy();

    let longest = "a".repeat(128);
    for id in
        ["a", "0", "AZaz09._:@-+|=/~", "auth0|5f+a=", "team:a@example.com", "-", "...", &longest]
    {
        println!("{id}");
        check::admitted(&proxy.post("/").client(id).tokens(1).send().await);
    }
    let too_long = "a".repeat(129);
    for id in [
        "", "a b", "a,b", "a\\b", ".", "..", "a\tb", "ä", "a;", "a\"", "%61", "a*", "a&b", "[a]",
        &too_long,
    ] {
        println!("{id}");
        check::refused(&proxy.post("/").client(id).tokens(1).send().await, &INVALID_CLIENT_ID);
    }
}

#[tokio::test]
async fn an_estimate_is_decimal_digits_up_to_a_trillion() {
    let stack = TestStack::builder().setting("UNKNOWN_CLIENTS", "allow").start().await;
    let proxy = stack.proxy();

    let many_zeros = "0".repeat(200) + "1";
    for estimate in ["0", "1", "007", "1000000000000", "0001000000000000", &many_zeros] {
        println!("{estimate}");
        check::admitted(&proxy.post("/").client("a").tokens(estimate).send().await);
    }
    let huge = "9".repeat(200);
    let refused = [
        "",
        "-1",
        "+1",
        "-0",
        "1.0",
        "1e3",
        "0x10",
        "1 2",
        "1,2",
        "1,",
        "x",
        "NaN",
        "null",
        "1_000",
        "\u{661}",
        "1000000000001",
        "18446744073709551616",
        "18446744073709551617",
        &huge,
    ];
    for estimate in refused {
        println!("{estimate}");
        check::refused(
            &proxy.post("/").client("a").tokens(estimate).send().await,
            &INVALID_ESTIMATE,
        );
    }
}

#[tokio::test]
async fn every_method_and_path_needs_both_headers_and_reaches_the_upstream_with_them() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, None).await;
    let methods =
        [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    let paths =
        ["/", "/health", "/metrics", "/api/v1/clients", "/a%20b?c=d&c=e%2Ff", "/~user/;x=1?"];
    for proxy in [stack.proxy(), HttpClient::http2(stack.proxy_address())] {
        for method in &methods {
            for path in paths {
                println!("{method} {path}");
                check::refused(&proxy.request(method.clone(), path).send().await, &NO_CLIENT_ID);
                let answer = proxy.request(method.clone(), path).client("a").tokens(1).send().await;
                check::admitted(&answer);
                assert_eq!(answer.json()["method"], method.as_str());
                assert_eq!(answer.json()["path"], path);
            }
        }
        let head = proxy.request(Method::HEAD, "/").send().await;
        assert_eq!((head.status.as_u16(), head.body.len()), (400, 0));
        let head = proxy.request(Method::HEAD, "/").client("a").tokens(1).send().await;
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    }
}

#[tokio::test]
async fn http_1_1_and_http_2_clients_share_one_bucket() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", 2, None).await;
    let http1 = stack.proxy();
    let http2 = HttpClient::http2(stack.proxy_address());

    let first = http1.post("/").client("a").tokens(1).send().await;
    check::admitted(&first);
    assert_eq!(first.version, Version::HTTP_11);
    let second = http2.post("/").client("a").tokens(1).send().await;
    check::admitted(&second);
    assert_eq!(second.version, Version::HTTP_2);
    for proxy in [http1, http2] {
        check::refused_for_now(&proxy.post("/").client("a").tokens(1).send().await, &RPM_EXCEEDED);
    }
}

#[tokio::test]
async fn a_bucket_starts_full_and_holds_one_minutes_limit() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", 5, 100).await;
    let proxy = stack.proxy();
    for _ in 0..5 {
        check::admitted(&proxy.post("/").client("a").tokens(20).send().await);
    }
    check::refused_for_now(&proxy.post("/").client("a").tokens(20).send().await, &RPM_EXCEEDED);
    check::counted(&stack.admin().stats("a").await, 5, 1, 0);
}

#[tokio::test]
async fn a_refused_request_costs_nothing() {
    let stack = TestStack::start().await;
    let admin = stack.admin();
    admin.put_client("a", 3, 100).await;
    let proxy = stack.proxy();
    let since = std::time::Instant::now();
    check::admitted(&proxy.post("/").client("a").tokens(60).send().await);

    for _ in 0..10 {
        check::refused_for_now(&proxy.post("/").client("a").tokens(99).send().await, &TPM_EXCEEDED);
    }
    let stats = admin.stats("a").await;
    check::counted(&stats, 1, 0, 10);
    check::balance(stats.rpm_remaining, 2, 3, since);
    check::balance(stats.tpm_remaining, 40, 100, since);
    for _ in 0..2 {
        check::admitted(&proxy.post("/").client("a").tokens(20).send().await);
    }

    // With both buckets short of it, RPM is named, and the token bucket keeps what it has.
    check::refused_for_now(&proxy.post("/").client("a").tokens(99).send().await, &RPM_EXCEEDED);
    check::balance(admin.stats("a").await.tpm_remaining, 0, 100, since);
}

#[tokio::test]
async fn an_estimate_above_the_capacity_can_never_pass() {
    let stack = TestStack::start().await;
    let admin = stack.admin();
    admin.put_client("a", 2, 100).await;
    let proxy = stack.proxy();
    for tokens in [101, 1_000_000_000_000_u64] {
        check::refused_for_good(&proxy.post("/").client("a").tokens(tokens).send().await);
    }
    let stats = admin.stats("a").await;
    check::counted(&stats, 0, 0, 2);
    assert_eq!((stats.rpm_remaining, stats.tpm_remaining), (Some(2), Some(100)));
    check::admitted(&proxy.post("/").client("a").tokens(100).send().await);
}

#[tokio::test]
async fn an_estimate_of_0_costs_one_request() {
    let stack = TestStack::start().await;
    let admin = stack.admin();
    admin.put_client("a", 2, 1).await;
    let proxy = stack.proxy();
    check::admitted(&proxy.post("/").client("a").tokens(1).send().await);
    check::admitted(&proxy.post("/").client("a").tokens(0).send().await);
    check::refused_for_now(&proxy.post("/").client("a").tokens(0).send().await, &RPM_EXCEEDED);
    admin.wait_for_tokens_used("a", 1).await;
}

#[tokio::test]
async fn a_disabled_client_is_counted_but_not_limited() {
    let stack = TestStack::start().await;
    let admin = stack.admin();
    admin.put_disabled_client("a", 1, 1).await;
    for _ in 0..5 {
        check::admitted(&stack.proxy().post("/").client("a").tokens(1000).send().await);
    }
    check::counted(&admin.stats("a").await, 5, 0, 0);
}

#[tokio::test]
async fn without_an_rpm_only_tokens_are_limited() {
    let stack = TestStack::start().await;
    let admin = stack.admin();
    admin.put_client("a", None, 10).await;
    let proxy = stack.proxy();
    for _ in 0..20 {
        check::admitted(&proxy.post("/").client("a").tokens(0).send().await);
    }
    check::admitted(&proxy.post("/").client("a").tokens(10).send().await);
    check::refused_for_now(&proxy.post("/").client("a").tokens(5).send().await, &TPM_EXCEEDED);
    assert_eq!(admin.stats("a").await.rpm_remaining, None);
}

#[tokio::test]
async fn without_a_tpm_only_requests_are_limited() {
    let stack = TestStack::start().await;
    let admin = stack.admin();
    admin.put_client("a", 2, None).await;
    let proxy = stack.proxy();
    for _ in 0..2 {
        check::admitted(&proxy.post("/").client("a").tokens(1_000_000_000_000_u64).send().await);
    }
    check::refused_for_now(&proxy.post("/").client("a").tokens(0).send().await, &RPM_EXCEEDED);
    assert_eq!(admin.stats("a").await.tpm_remaining, None);
}

#[tokio::test]
async fn changing_a_limit_keeps_what_was_spent() {
    let stack = TestStack::start().await;
    let admin = stack.admin();
    let proxy = stack.proxy();
    admin.put_client("a", 60, 60).await;
    let since = std::time::Instant::now();
    for _ in 0..30 {
        check::admitted(&proxy.post("/").client("a").tokens(1).send().await);
    }

    let remaining = async |limit: u64, expected: u64| {
        admin.put_client("a", limit, limit).await;
        let stats = admin.stats("a").await;
        // The refill of the larger bucket since the start is the most there can be.
        let most = expected + check::refill(120, since.elapsed());
        for left in [stats.rpm_remaining, stats.tpm_remaining] {
            let left = left.expect("limited");
            assert!(
                (expected..=most).contains(&left),
                "limit {limit}: {left} left, expected {expected} to {most}"
            );
        }
    };
    remaining(60, 30).await;
    remaining(120, 60).await;
    remaining(60, 30).await;
    remaining(2, 1).await;
    check::admitted(&proxy.post("/").client("a").tokens(1).send().await);
    check::refused_for_now(&proxy.post("/").client("a").tokens(2).send().await, &RPM_EXCEEDED);
}
