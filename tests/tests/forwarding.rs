//! Admitted requests reach the upstream as they came.

use bytes::Bytes;
use harness::TestStack;
use harness::check;
use harness::http_client::HttpClient;
use harness::ports::free_port;
use harness::raw_client::{RawConnection, exchange};
use http::Version;
use serde_json::json;

#[tokio::test]
async fn a_request_reaches_the_upstream_as_it_came() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, None).await;
    let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Grüße"}]});
    let headers: &[(&str, &[u8])] = &[
        ("authorization", b"Bearer sk-secret"),
        ("openai-organization", b"org-1"),
        ("accept", b"application/json"),
        ("user-agent", b"my-client/1.0"),
        ("x-twice", b"one"),
        ("x-twice", b"two"),
        ("x-latin-1", b"caf\xe9"),
        ("x-empty", b""),
        ("content-type", b"application/json"),
        ("x-client-id", b"a"),
        ("x-token-estimate", b"12"),
    ];
    for (proxy, path) in [
        (stack.proxy(), "/http1/chat/completions"),
        (HttpClient::http2(stack.proxy_address()), "/http2/chat/completions"),
    ] {
        let request = proxy.post(&format!("{path}?user=1")).body(body.to_string());
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        // The one header that does not arrive: an encoded response could not be read.
        let request = request.header("accept-encoding", "gzip, br");
        let answer = request.send().await;
        check::admitted(&answer);
        assert_eq!(answer.json()["object"], "chat.completion");

        let arrived = stack.upstream.request_to(path).await;
        assert_eq!(arrived.method, "POST");
        assert_eq!(arrived.uri.query(), Some("user=1"));
        assert_eq!(arrived.body(), body.to_string());
        assert!(arrived.header_values("accept-encoding").is_empty());
        for (name, _) in headers {
            let sent = headers
                .iter()
                .filter(|(other, _)| other == name)
                .map(|(_, value)| Bytes::from_static(value));
            let sent: Vec<_> = sent.collect();
            let came = arrived.header_values(name);
            // A proxy may join the values of a header that is a list.
            let joined: Bytes = sent.join(&b","[..]).into();
            assert!(came == sent || came == [joined], "{name} came as {came:?}");
        }
    }
}

#[tokio::test]
async fn the_host_and_the_path_prefix_are_the_upstreams() {
    let stack = TestStack::builder().upstream_path("/base/v2").start().await;
    stack.admin().put_client("a", None, None).await;
    for (proxy, path) in
        [(stack.proxy(), "/http1"), (HttpClient::http2(stack.proxy_address()), "/http2")]
    {
        check::admitted(&proxy.get(&format!("{path}?q=1")).client("a").tokens(1).send().await);
        let arrived = stack.upstream.request_to(&format!("/base/v2{path}")).await;
        assert_eq!(arrived.host(), stack.upstream.address().to_string());
        assert_eq!(arrived.uri.query(), Some("q=1"));
    }
}

#[tokio::test]
async fn a_header_with_an_underscore_does_not_go_on_and_its_request_does() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, None).await;
    for (proxy, path) in
        [(stack.proxy(), "/http1"), (HttpClient::http2(stack.proxy_address()), "/http2")]
    {
        let request = proxy.post(path).client("a").tokens(1).header("x_client_id", "someone-else");
        let request = request.header("x_token_estimate", "0").header("sentry_trace", "1-2");
        let answer = request.header("x-trace", "a_b").body("{}").send().await;
        check::admitted(&answer);
        let arrived = stack.upstream.request_to(path).await;
        for name in ["x_client_id", "x_token_estimate", "sentry_trace"] {
            assert!(arrived.header_values(name).is_empty(), "{name} arrived");
        }
        assert_eq!(arrived.header_values("x-client-id"), ["a"]);
        assert_eq!(arrived.header_values("x-trace"), ["a_b"]);
    }
    assert_eq!(stack.admin().stats("a").await.total_requests, 2);
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test]
async fn http_1_0_is_spoken_with_a_host_and_without() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, 100).await;
    for (index, host) in ["Host: proxy\r\n", "", "Connection: keep-alive\r\n"].iter().enumerate() {
        let path = format!("/health-check-{index}");
        let headers = "X-Client-ID: a\r\nX-Token-Estimate: 1\r\n\r\n";
        let request = format!("GET {path} HTTP/1.0\r\n{host}{headers}");
        let answer = exchange(stack.proxy_address(), request.as_bytes()).await.expect("an answer");
        check::admitted(&answer);
        assert_eq!(answer.version, Version::HTTP_10);
        let arrived = stack.upstream.request_to(&path).await;
        assert_eq!(arrived.host(), stack.upstream.address().to_string());

        let request = request.replace("Estimate: 1\r", "Estimate: 101\r");
        let answer = exchange(stack.proxy_address(), request.as_bytes()).await.expect("an answer");
        check::refused_for_good(&answer);
    }
}

#[tokio::test]
async fn a_stream_over_http_1_0_ends_with_its_connection() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, None).await;
    let mut connection = RawConnection::open(stack.proxy_address()).await;
    let request = "POST /v1/chat/completions HTTP/1.0\r\nX-Client-ID: a\r\nX-Token-Estimate: 1\r\n\
                   Content-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"stream\":true}";
    connection.write(request.as_bytes()).await;
    let answer = connection.read_to_the_end().await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
    assert!(!answer.to_ascii_lowercase().contains("transfer-encoding"), "{answer}");
    assert!(answer.ends_with("data: [DONE]\n\n"), "{answer}");
}

#[tokio::test]
async fn a_websocket_is_refused_before_anything_is_charged() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, None).await;
    let request = "GET /v1/realtime HTTP/1.1\r\nHost: proxy\r\nConnection: Upgrade\r\n\
                   Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   X-Client-ID: a\r\nX-Token-Estimate: 1\r\n\r\n";
    let answer = exchange(stack.proxy_address(), request.as_bytes()).await.expect("an answer");
    assert_eq!(answer.status.as_u16(), 403);
    assert!(stack.upstream.requests().is_empty());
    assert_eq!(stack.admin().stats("a").await.total_requests, 0);
}

#[tokio::test]
async fn the_upstreams_own_errors_come_through() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, None).await;
    for status in [401, 404, 429, 500, 503] {
        let path = format!("/v1/chat/completions?status={status}");
        let answer = stack.proxy().post(&path).json(&json!({})).client("a").tokens(1).send().await;
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(answer.json()["error"]["message"], "as requested");
    }
}

#[tokio::test]
async fn an_upstream_that_cannot_be_reached_is_envoys_own_error() {
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let stack = TestStack::builder().upstream(nobody).start().await;
    stack.admin().put_client("a", 5, None).await;
    let answer = stack.proxy().post("/").client("a").tokens(1).send().await;
    assert!(matches!(answer.status.as_u16(), 502..=504), "{}", answer.status);
    assert!(!answer.text().contains("limiter_unavailable"), "{}", answer.text());
}

#[tokio::test]
async fn no_secret_of_a_request_appears_in_a_log() {
    let mut stack = TestStack::builder().setting("LOG_LEVEL", "trace").start().await;
    stack.admin().put_client("a", 1, None).await;
    for status in [200, 429] {
        let request = stack.proxy().post("/v1/chat/completions?key=sk-query").client("a").tokens(1);
        let request =
            request.header("authorization", "Bearer sk-header").header("x-api-key", "sk-key");
        let answer = request
            .header("cookie", "session=sk-cookie")
            .body(r#"{"user":"sk-body"}"#)
            .send()
            .await;
        assert_eq!(answer.status.as_u16(), status);
    }
    // Envoy writes its access log when it is flushed, at the latest when it ends.
    let envoy = stack.envoys[0].process();
    envoy.terminate();
    envoy.wait_for_exit().await;
    let access_log = stack.envoy().access_log();
    assert_eq!(access_log.matches("/v1/chat/completions").count(), 2, "{access_log}");
    for log in [access_log, stack.envoy().log(), stack.control_plane.log()] {
        assert!(!log.contains("sk-"), "{log}");
    }
}
