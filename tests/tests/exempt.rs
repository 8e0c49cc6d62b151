//! What passes without a client and without a decision, on a real Envoy, and what does not though it
//! looks like it.

use harness::TestStack;
use harness::check::{self, NO_CLIENT_ID};
use harness::http_client::HttpClient;
use harness::raw_client::exchange;
use http::Method;
use serde_json::json;

const EXEMPT: &str = "wasmcustom.flowguard_decisions.outcome=exempt";

async fn stack() -> TestStack {
    TestStack::builder()
        .setting("EXEMPT_PATHS", "/health,/status/*")
        .setting("EXEMPT_PREFLIGHT", "true")
        .start()
        .await
}

#[tokio::test]
async fn health_checks_and_preflights_pass_without_a_client_and_are_counted_apart() {
    let stack = stack().await;
    let mut passed = 0;
    for proxy in [stack.proxy(), HttpClient::http2(stack.proxy_address())] {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            for path in ["/health", "/health?verbose", "/status/", "/status/a/b"] {
                println!("{method} {path}");
                let answer = proxy.request(method.clone(), path).send().await;
                assert_eq!(answer.status, 200, "{}", answer.text());
                passed += 1;
            }
        }
        let preflight = proxy
            .request(Method::OPTIONS, "/v1/embeddings")
            .header("origin", "https://app.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "x-client-id,x-token-estimate");
        let answer = preflight.send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        passed += 1;
    }
    assert_eq!(stack.envoy().stat(EXEMPT).await, passed);
    assert_eq!(stack.upstream.requests().len() as u64, passed);
}

#[tokio::test]
async fn an_exempt_request_is_nobodys_and_keeps_the_headers_that_it_has() {
    let stack = stack().await;
    stack.admin().put_client("a", 1, 1).await;
    for _ in 0..3 {
        let answer = stack
            .proxy()
            .get("/health?ratelimit_headers=1")
            .client("a")
            .tokens(9)
            .header("accept-encoding", "gzip")
            .send()
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let arrived = stack.upstream.requests_to("/health");
    assert_eq!(arrived.len(), 3);
    assert_eq!(arrived[0].header_values("x-client-id"), ["a"]);
    assert_eq!(arrived[0].header_values("accept-encoding"), ["gzip"]);
    check::counted(&stack.admin().stats("a").await, 0, 0, 0);
    check::admitted(&stack.proxy().get("/").client("a").tokens(1).send().await);
}

#[tokio::test]
async fn no_spelling_of_a_request_that_sends_something_is_exempt() {
    let stack = stack().await;
    for proxy in [stack.proxy(), HttpClient::http2(stack.proxy_address())] {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let answer = proxy.request(method, "/health").send().await;
            check::refused(&answer, &NO_CLIENT_ID);
        }
        for method in [Method::GET, Method::OPTIONS] {
            let with_body = proxy.request(method.clone(), "/health").json(&json!({"model": "m"}));
            check::refused(&with_body.send().await, &NO_CLIENT_ID);
            for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
                let overridden = proxy.request(method.clone(), "/health").header(name, "POST");
                check::refused(&overridden.send().await, &NO_CLIENT_ID);
            }
        }
        for path in [
            "/",
            "/healthz",
            "/health/",
            "/Health",
            "/status",
            "/statuses/a",
            "/health;a",
            "/health%3B",
            "/health%2F..",
            "/status/%2e%2e%2fv1/models",
            "/status/..%2fv1/models",
            "/status/..;/v1/models",
            "/status/a;b",
            "/v1/models?/health",
        ] {
            println!("{path}");
            check::refused(&proxy.get(path).send().await, &NO_CLIENT_ID);
        }
        let not_asking =
            proxy.request(Method::OPTIONS, "/v1").header("origin", "https://a.example");
        check::refused(&not_asking.send().await, &NO_CLIENT_ID);
        let no_preflight = proxy
            .post("/v1/chat/completions")
            .header("origin", "https://a.example")
            .header("access-control-request-method", "POST");
        check::refused(&no_preflight.send().await, &NO_CLIENT_ID);
    }
    assert_eq!(stack.envoy().stat(EXEMPT).await, 0);
    assert_eq!(stack.upstream.requests().len(), 0);
}

fn get(target: &[u8], headers: &[u8]) -> Vec<u8> {
    [b"GET ", target, b" HTTP/1.1\r\nHost: proxy\r\n", headers, b"\r\n"].concat()
}

#[tokio::test]
async fn what_two_servers_could_read_differently_does_not_reach_the_upstream() {
    let stack = stack().await;
    for (target, rest) in [
        (&b"/health"[..], &b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"[..]),
        (b"/health", b"Transfer-Encoding: chunked\r\n\r\n0\r\n"),
        (b"/health", b"Transfer-Encoding: identity\r\n"),
        (b"/health", b"Content-Length: 5\r\n\r\nhello"),
        (b"/health", b"Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello"),
        (b"/health", b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"),
        (b"/health", b"Connection: upgrade\r\nUpgrade: websocket\r\n"),
        (b"/health", b"X-Original-URL: /v1/models\r\n"),
        (b"/status/../v1/models", b""),
        (b"/status/%2e%2e/v1/models", b""),
        (b"/status\\..\\v1\\models", b""),
        (b"/health#/v1/models", b""),
        (b"/health\0", b""),
        (b"/health\xff", b""),
        (b"http://proxy/v1/models?/health", b""),
        (b"*", b""),
    ] {
        let shown = target.escape_ascii();
        println!("{shown} {}", rest.escape_ascii());
        let answer = exchange(stack.proxy_address(), &get(target, rest)).await.expect("an answer");
        assert!(answer.status.is_client_error() || answer.status == 501, "{shown}: {answer:?}");
    }
    for method in ["get", "TRACE", "CONNECT", "POST", "BREW"] {
        let request = format!("{method} /health HTTP/1.1\r\nHost: proxy\r\n\r\n");
        let answer = exchange(stack.proxy_address(), request.as_bytes()).await;
        let status = answer.expect("an answer").status;
        assert!(status.is_client_error(), "{method}: {status}");
    }
    assert_eq!(stack.upstream.requests().len(), 0);
}

/// Envoy normalizes a path before the filter sees it, and forwards the path that the filter saw.
#[tokio::test]
async fn what_the_filter_takes_for_exempt_is_what_the_upstream_gets() {
    let stack = stack().await;
    for (target, headers) in [
        (&b"/health"[..], &b"Content-Length: 0\r\n"[..]),
        (b"//health", b""),
        (b"/./health", b""),
        (b"/a/../health", b""),
        (b"/%68ealth", b""),
        (b"http://proxy/health", b""),
        (b"http://elsewhere/health", b""),
        (b"/health", b"Connection: x-http-method\r\nX-HTTP-Method: POST\r\n"),
        (b"/health", b"Connection: x-original-url\r\nX-Original-URL: /v1/models\r\n"),
    ] {
        let shown = target.escape_ascii();
        println!("{shown} {}", headers.escape_ascii());
        let answer = exchange(stack.proxy_address(), &get(target, headers)).await;
        assert_eq!(answer.expect("an answer").status, 200, "{shown}");
        let arrived = stack.upstream.requests().pop().expect("a request");
        assert_eq!((arrived.method.as_str(), arrived.uri.to_string()), ("GET", "/health".into()));
        assert_eq!(arrived.body(), "");
        for name in ["x-http-method", "x-original-url"] {
            assert!(arrived.header_values(name).is_empty(), "{shown}: {name} came");
        }
    }
}
