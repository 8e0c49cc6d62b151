//! Keys of the store that somebody overwrote: each is named once, health says how many there are, and whoever needs
//! none of them is served as before.

use harness::TestStack;
use harness::control_plane::ControlPlane;
use harness::deadline::eventually;
use harness::http_client::{HttpClient, RequestBuilder};
use harness::redis::{Kind, Redis};
use serde_json::json;

use super::stack_on;

fn ask(proxy: &HttpClient, client: &str, query: &str) -> RequestBuilder {
    let body = json!({"messages": [{"role": "user", "content": "hello"}]});
    proxy.post(&format!("/v1/chat/completions{query}")).client(client).tokens(1).json(&body)
}

/// Writes a text in place of all keys of this type that begin so.
async fn overwrite(store: &Redis, begin: &str, kind: &str) -> usize {
    let script = format!(
        "local count = 0 \
         for _, key in ipairs(redis.call('KEYS', '{{flowguard}}:{begin}*')) do \
         if redis.call('TYPE', key).ok == '{kind}' then \
         redis.call('SET', key, 'garbage') count = count + 1 end end return count"
    );
    let answer = store.command(&[b"EVAL", script.as_bytes(), b"0"]).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let count = answer.trim_start_matches(':').lines().next().and_then(|line| line.parse().ok());
    count.expect("a number")
}

async fn delete_what_is_garbage(store: &Redis) {
    let script = "for _, key in ipairs(redis.call('KEYS', '*')) do \
                  if redis.call('TYPE', key).ok == 'string' and redis.call('GET', key) == 'garbage' \
                  then redis.call('DEL', key) end end";
    store.command(&[b"EVAL", script.as_bytes(), b"0"]).await;
}

async fn health(control_plane: &ControlPlane) -> String {
    let http = HttpClient::one_connection_each(control_plane.rest_address());
    http.get("/health").send().await.text()
}

/// Overwrites the keys of this type that begin so, while a request that has them is under way.
async fn check(begin: &str, kind: &str, what: &str) {
    let store = Redis::start(Kind::Redis, &[]).await;
    let stack: TestStack = stack_on(&store, 1).workers(1).start().await;
    let limit = json!({"match": {"client": "a"}, "concurrent": 1_000});
    stack.admin().put_limit("running", &limit).await;
    for client in ["a", "b"] {
        stack.admin().put_client(client, 1_000, None).await;
    }
    let proxy = HttpClient::http1(stack.envoys[0].proxy_address());
    let gate = stack.upstream.gate("held");
    let held = tokio::spawn(ask(&proxy, "a", "?gate=held").send());
    eventually("it is under way", || async {
        (stack.upstream.requests().len() == 1).then_some(())
    })
    .await;
    let overwritten = overwrite(&store, begin, kind).await;
    assert!(overwritten > 0, "no key begins with {begin}");
    for client in ["a", "b", "a", "b"] {
        assert_eq!(ask(&proxy, client, "").send().await.status, 200, "{what}");
    }
    let words =
        format!("keys of the shared store that cannot be read: {overwritten}, which the log names");
    eventually("health says so", || async {
        let told = health(&stack.control_plane).await;
        (told.contains("degraded") && told.contains(&words)).then_some(())
    })
    .await;
    let log = stack.control_plane.log();
    let named: Vec<_> = log.lines().filter(|line| line.contains("can't be read here")).collect();
    assert_eq!(named.len(), overwritten, "{log}");
    let begin = format!("key={{flowguard}}:{begin}");
    for line in named {
        assert!(line.contains(" ERROR ") && line.contains(what) && line.contains(&begin), "{line}");
    }

    gate.open();
    assert_eq!(held.await.expect("an answer").status, 200);
    delete_what_is_garbage(&store).await;
    eventually("all is well again", || async {
        assert_eq!(ask(&proxy, "a", "").send().await.status, 200);
        health(&stack.control_plane).await.contains("\"healthy\"").then_some(())
    })
    .await;
    assert!(stack.control_plane.log().contains("of the shared store can be read again"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_cannot_be_read_is_named_and_told_by_health() {
    check("b:", "string", "a bucket").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn places_that_cannot_be_read_are_named_and_told_by_health() {
    check("b:", "hash", "a bucket of places").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open_requests_that_cannot_be_read_are_named_and_told_by_health() {
    check("w:", "hash", "a worker's key").await;
}
