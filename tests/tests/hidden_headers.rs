//! A client hides a header from the filter, or from the upstream, by what HTTP says about headers:
//! hop-by-hop names, trailers, two spellings. What the filter decided by is what the upstream gets.

use std::future::ready;

use harness::TestStack;
use harness::check::{
    self, INVALID_CLIENT_ID, INVALID_ESTIMATE, NO_CLIENT_ID, NO_ESTIMATE, Refusal,
};
use harness::http_client::{Answer, HttpClient};
use harness::raw_client::{RawConnection, exchange};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt, Full};

/// Unknown clients are let through.
async fn stack() -> TestStack {
    TestStack::builder().setting("UNKNOWN_CLIENTS", "allow").start().await
}

async fn send(stack: &TestStack, request: &[u8]) -> Answer {
    println!("{}", request.escape_ascii());
    exchange(stack.proxy_address(), request).await.expect("an answer")
}

async fn get_with(stack: &TestStack, headers: &str) -> Answer {
    let request = format!(
        "GET / HTTP/1.1\r\nHost: proxy\r\nX-Client-ID: a\r\nX-Token-Estimate: 1\r\n{headers}\r\n\r\n"
    );
    send(stack, request.as_bytes()).await
}

/// The newest request came with these two and with no other spelling of them.
fn reached_the_upstream_as_decided(stack: &TestStack) {
    let arrived = stack.upstream.requests().pop().expect("a request");
    let ours: Vec<_> = arrived
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().replace('_', "-"), value.as_bytes().to_vec()))
        .filter(|(name, _)| name.starts_with("x-client") || name.starts_with("x-token"))
        .collect();
    let expected = [("x-client-id", "a"), ("x-token-estimate", "1")]
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    assert_eq!(ours, expected);
}

#[tokio::test]
async fn a_header_that_connection_names_is_there_for_nobody() {
    let stack = stack().await;
    let cases: [(&str, &Refusal); 6] = [
        ("Connection: X-Client-ID", &NO_CLIENT_ID),
        ("Connection: x-token-estimate", &NO_ESTIMATE),
        ("Connection: close, X-CLIENT-ID, x-token-estimate", &NO_CLIENT_ID),
        ("Connection: keep-alive\r\nConnection: X-Token-Estimate", &NO_ESTIMATE),
        // Of two, none is hidden alone.
        ("X-Client-ID: b\r\nConnection: x-client-id", &NO_CLIENT_ID),
        ("X-Token-Estimate: 0\r\nConnection: x-token-estimate", &NO_ESTIMATE),
    ];
    for (headers, refusal) in cases {
        check::refused(&get_with(&stack, headers).await, refusal);
    }
    for headers in
        ["Connection: :path", "Connection: x-forwarded-for", "Connection: x-forwarded-host"]
    {
        assert_eq!(get_with(&stack, headers).await.status, 400, "{headers}");
    }
    assert_eq!(stack.upstream.requests().len(), 0);
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test]
async fn other_hop_by_hop_headers_hide_nothing() {
    let stack = stack().await;
    for headers in [
        "Connection: te\r\nTE: x-client-id",
        "Connection: keep-alive, te\r\nTE: trailers",
        "Connection: x-other\r\nX-Other: 1",
        "Keep-Alive: x-client-id",
        "Proxy-Connection: x-client-id",
        "Trailer: X-Client-ID, X-Token-Estimate",
        "Vary: x-client-id",
    ] {
        check::admitted(&get_with(&stack, headers).await);
        reached_the_upstream_as_decided(&stack);
    }
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test]
async fn a_trailer_is_no_header() {
    let stack = stack().await;
    let post = |headers: &str, trailers: &str| {
        format!(
            "POST / HTTP/1.1\r\nHost: proxy\r\nTransfer-Encoding: chunked\r\n\
             Trailer: x-client-id, x-token-estimate\r\n{headers}\r\n\r\n1\r\na\r\n0\r\n{trailers}\r\n"
        )
    };
    let trailers = "X-Client-ID: b\r\nX-Token-Estimate: 0\r\n";
    let missing = send(&stack, post("X-Token-Estimate: 1", trailers).as_bytes()).await;
    check::refused(&missing, &NO_CLIENT_ID);
    let missing = send(&stack, post("X-Client-ID: a", trailers).as_bytes()).await;
    check::refused(&missing, &NO_ESTIMATE);
    let both = post("X-Client-ID: a\r\nX-Token-Estimate: 1", trailers);
    check::admitted(&send(&stack, both.as_bytes()).await);
    reached_the_upstream_as_decided(&stack);

    let http2 = HttpClient::http2(stack.proxy_address());
    let body = || {
        let trailers = [("x-client-id", "b"), ("x-token-estimate", "0")]
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        Full::from("a").with_trailers(ready(Some(Ok(HeaderMap::from_iter(trailers)))))
    };
    let missing = http2.post("/").tokens(1).streamed_body(body()).send().await;
    check::refused(&missing, &NO_CLIENT_ID);
    let missing = http2.post("/").client("a").streamed_body(body()).send().await;
    check::refused(&missing, &NO_ESTIMATE);
    check::admitted(&http2.post("/").client("a").tokens(1).streamed_body(body()).send().await);
    reached_the_upstream_as_decided(&stack);
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test]
async fn a_second_spelling_of_a_header_is_refused_or_dropped() {
    let stack = stack().await;
    for (headers, refusal) in [
        ("X-CLIENT-ID: a", &INVALID_CLIENT_ID),
        ("x-Token-eSTIMATE: 1", &INVALID_ESTIMATE),
        (" X-Client-ID: b", &INVALID_ESTIMATE),
    ] {
        check::refused(&get_with(&stack, headers).await, refusal);
    }
    for headers in ["X-Client-ID\t: b", "X-Client-ID : b", "\x0bX-Client-ID: b", "X-Client-ID\0: b"]
    {
        assert_eq!(get_with(&stack, headers).await.status, 400, "{headers:?}");
    }
    assert_eq!(stack.upstream.requests().len(), 0);
    // An underscore is a hyphen to servers that hand headers on as variables.
    for headers in ["X_Client_ID: b", "X-Client_ID: b\r\nX_TOKEN_ESTIMATE: 0"] {
        check::admitted(&get_with(&stack, headers).await);
        reached_the_upstream_as_decided(&stack);
    }
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test]
async fn a_body_that_two_servers_could_end_differently_hides_no_request() {
    let stack = stack().await;
    let hidden = "GET /hidden HTTP/1.1\r\nHost: proxy\r\n\r\n";
    let ours = "X-Client-ID: a\r\nX-Token-Estimate: 1";
    let length = hidden.len();
    for (headers, body) in [
        (
            format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"),
            format!("0\r\n\r\n{hidden}"),
        ),
        (format!("Content-Length: 0\r\nContent-Length: {length}"), hidden.to_owned()),
        (format!("Content-Length: 0, {length}"), hidden.to_owned()),
        ("Transfer-Encoding: chunked, identity".to_owned(), format!("0\r\n\r\n{hidden}")),
        ("Transfer-Encoding: xchunked".to_owned(), format!("0\r\n\r\n{hidden}")),
        ("Transfer-Encoding: \x0bchunked".to_owned(), format!("0\r\n\r\n{hidden}")),
        ("Transfer-Encoding : chunked".to_owned(), format!("0\r\n\r\n{hidden}")),
        (format!("Content-Length: +{length}"), hidden.to_owned()),
        (format!("Content-Length: -{length}"), hidden.to_owned()),
    ] {
        let request =
            format!("POST / HTTP/1.1\r\nHost: proxy\r\n{ours}\r\n{headers}\r\n\r\n{body}");
        let answer = send(&stack, request.as_bytes()).await;
        assert!(matches!(answer.status.as_u16(), 400 | 501), "{answer:?}");
    }
    // Whatever follows a body is a request of its own, and is asked for its client.
    let mut connection = RawConnection::open(stack.proxy_address()).await;
    let request =
        format!("POST / HTTP/1.1\r\nHost: proxy\r\n{ours}\r\nContent-Length: 0\r\n\r\n{hidden}");
    connection.write(request.as_bytes()).await;
    check::admitted(&connection.read_answer().await.expect("an answer"));
    check::refused(&connection.read_answer().await.expect("an answer"), &NO_CLIENT_ID);
    assert!(stack.upstream.requests_to("/hidden").is_empty());
    assert_eq!(stack.upstream.requests().len(), 1);
    check::filter_is_unharmed(stack.envoy()).await;
}
