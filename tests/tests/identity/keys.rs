//! The life of a key: what it is good for, and for how long.

use harness::check;
use harness::deadline::eventually;
use harness::stack::TestStack;
use http::Method;
use serde_json::json;

use crate::world::{client_ids, new_key, send, stack};

async fn revoke(stack: &TestStack, client: &str, key: &str) {
    let public = key.split('_').nth(1).expect("a public part");
    let path = format!("/api/v1/clients/{client}/keys/{public}");
    let answer = stack.admin().http().request(Method::DELETE, &path).send().await;
    assert!(answer.status.is_success(), "{} {}", answer.status, answer.text());
}

fn bearer(key: &str) -> String {
    format!("authorization: Bearer {key}\r\n")
}

#[tokio::test]
async fn a_key_is_its_clients_until_it_is_revoked_and_then_nobodys_with_the_next_request() {
    let stack = stack("api-key").setting("ERROR_FORMAT", "openai").start().await;
    stack.admin().put_client("a", 3, None).await;
    let (first, second) = (new_key(&stack, "a").await, new_key(&stack, "a").await);
    for key in [&first, &second] {
        check::admitted(&send(stack.proxy_address(), "/", bearer(key).as_bytes()).await.unwrap());
    }
    revoke(&stack, "a", &first).await;
    let refused = send(stack.proxy_address(), "/", bearer(&first).as_bytes()).await.unwrap();
    assert_eq!(refused.status, 401, "{}", refused.text());
    let error = &refused.json()["error"];
    assert_eq!(
        (&error["code"], &error["type"]),
        (&json!("invalid_api_key"), &json!("invalid_request_error"))
    );
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"));

    check::admitted(&send(stack.proxy_address(), "/", bearer(&second).as_bytes()).await.unwrap());
    let limited = send(stack.proxy_address(), "/", bearer(&second).as_bytes()).await.unwrap();
    assert_eq!(limited.status, 429, "both keys are one client's: {}", limited.text());
    stack.admin().delete("a").await;
    let gone = send(stack.proxy_address(), "/", bearer(&second).as_bytes()).await.unwrap();
    assert_eq!(gone.status, 401, "a client's keys go with it: {}", gone.text());
}

#[tokio::test]
async fn the_upstream_is_told_the_client_and_never_the_key() {
    let key_in_query = |key: &str| format!("/v1beta/other?alt=sse&key={key}&x=1");
    for (keep, kept) in [("false", false), ("true", true)] {
        let stack = stack("api-key").setting("KEEP_CREDENTIAL", keep).start().await;
        stack.admin().put_client("a", None, None).await;
        let key = new_key(&stack, "a").await;
        let answer =
            send(stack.proxy_address(), &key_in_query(&key), b"x-goog-api-key: AIza\r\n").await;
        assert_eq!(answer.unwrap().status, 200);
        let requests = stack.upstream.requests();
        let [request] = &requests[..] else { panic!("one request, not {}", requests.len()) };
        assert_eq!(client_ids(request), [b"a"]);
        let query = request.uri.query().expect("a query");
        let expected =
            if kept { format!("alt=sse&key={key}&x=1") } else { "alt=sse&x=1".to_owned() };
        assert_eq!(query, expected);
        assert_eq!(request.headers.contains_key("x-goog-api-key"), kept);
    }
}

#[tokio::test]
async fn no_key_is_in_any_log_or_metric() {
    let stack = stack("api-key").setting("LOG_LEVEL", "debug").start().await;
    stack.admin().put_client("a", None, None).await;
    let key = new_key(&stack, "a").await;
    let headers = bearer(&key) + &format!("x-api-key: {key}\r\n");
    let path = format!("/?key={key}");
    check::admitted(&send(stack.proxy_address(), &path, headers.as_bytes()).await.unwrap());
    let wrong = format!("x-api-key: {key}\r\nx-api-key: {key}\r\n");
    assert_eq!(send(stack.proxy_address(), "/", wrong.as_bytes()).await.unwrap().status, 401);
    revoke(&stack, "a", &key).await;
    assert_eq!(send(stack.proxy_address(), "/", headers.as_bytes()).await.unwrap().status, 401);
    eventually("three lines in the access log", || {
        let log = stack.envoy().access_log();
        async move { (log.lines().count() >= 3).then_some(()) }
    })
    .await;
    let secret = key.split('_').nth(2).expect("a secret part");
    let envoys = [stack.envoy().access_log(), stack.envoy().log()];
    let metrics = format!("{:?}", stack.control_plane.metrics().await);
    for text in envoys.iter().chain([&stack.control_plane.log(), &metrics]) {
        assert!(!text.contains(secret), "{text}");
    }
    let access_log = stack.envoy().access_log();
    assert!(access_log.contains(r#""client_id":"a""#), "{access_log}");
}

#[tokio::test]
async fn a_key_that_cannot_be_checked_is_refused_in_every_failure_mode() {
    for (mode, failure_mode) in [("enforce", "open"), ("shadow", "open"), ("enforce", "closed")] {
        let mut stack = stack("api-key")
            .mode(mode)
            .setting("FAILURE_MODE", failure_mode)
            .setting("DECISION_TIMEOUT_MS", "250")
            .start()
            .await;
        stack.admin().put_client("a", None, None).await;
        let key = new_key(&stack, "a").await;
        stack.control_plane.process().kill();
        let answer = send(stack.proxy_address(), "/", bearer(&key).as_bytes()).await.unwrap();
        assert_eq!(answer.status, 503, "{mode}, {failure_mode}: {}", answer.text());
        let nobody = send(stack.proxy_address(), "/", b"").await.unwrap();
        assert_eq!(nobody.status, 401, "{mode}, {failure_mode}: {}", nobody.text());
        assert!(stack.upstream.requests().is_empty());
    }
}
