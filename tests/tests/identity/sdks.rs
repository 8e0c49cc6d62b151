//! The vendors' own Python libraries, given nothing but a base URL and a key of FlowGuard's.

use std::time::{SystemTime, UNIX_EPOCH};

use harness::deadline::eventually;
use harness::stack::TestStack;
use http::Method;
use repository::sdk;
use serde_json::{Value, json};

use crate::world::{client_ids, new_key, send, stack};

const VENDORS: [&str; 2] = ["openai", "anthropic"];
const FORMS: [&str; 2] = ["document", "stream"];

async fn call(
    stack: &TestStack,
    key: &str,
    vendor: &str,
    form: &str,
    max_retries: &str,
    calls: &str,
) -> Value {
    let origin = format!("http://{}", stack.proxy_address());
    sdk::call("by_key.py", &[&origin, key, vendor, form, max_retries, calls]).await
}

async fn by_key() -> TestStack {
    stack("api-key").setting("ERROR_FORMAT", "auto").start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_needs_a_base_url_and_a_key_and_the_upstream_never_sees_the_key() {
    let stack = by_key().await;
    stack.admin().put_client("a", None, None).await;
    let key = new_key(&stack, "a").await;
    for vendor in VENDORS {
        for form in FORMS {
            let answer = call(&stack, &key, vendor, form, "0", "1").await;
            assert_eq!(answer["statuses"], json!([200]), "{vendor}, {form}: {answer}");
            assert!(!answer["text"].as_str().expect("a text").is_empty(), "{answer}");
        }
    }
    let requests = stack.upstream.requests();
    assert_eq!(requests.len(), 4);
    for request in requests {
        assert_eq!(client_ids(&request), [b"a"]);
        assert!(!format!("{:?} {}", request.headers, request.uri).contains("fgk_"), "{request:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_that_is_limited_tries_again_when_it_was_told_and_passes() {
    for vendor in VENDORS {
        let stack = by_key().await;
        // The second call lacks a token, which comes back within six seconds.
        stack.admin().put_client("a", 10, None).await;
        let key = new_key(&stack, "a").await;
        let answer = call(&stack, &key, vendor, "document", "1", "11").await;
        let statuses = answer["statuses"].as_array().expect("statuses");
        let limited = statuses.iter().filter(|status| **status == 429).count();
        let passed = statuses.iter().filter(|status| **status == 200).count();
        assert_eq!((passed, limited), (11, 1), "{vendor}: {answer}");
    }
}

/// A refusal of this key is the library's own error, which it does not try again.
async fn is_an_authentication_error(stack: &TestStack, key: &str, vendor: &str) {
    let answer = call(stack, key, vendor, "stream", "2", "1").await;
    assert_eq!(answer["error"], json!("AuthenticationError"), "{vendor}: {answer}");
    assert_eq!(answer["statuses"], json!([401]), "it is not tried again: {answer}");
    assert!(answer["message"].as_str().expect("a text").contains("key"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_has_expired_is_a_librarys_own_authentication_error() {
    let stack = by_key().await;
    stack.admin().put_client("a", None, None).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    // As soon as it may be that one request comes before.
    let request = json!({"client_id": "a", "expires_at": now + 4});
    let made = stack.grpc().call("flowguard.FlowGuardService/CreateKey", &request).await;
    let made = made.unwrap_or_else(|error| panic!("{error:?}"));
    let key = made["key"].as_str().expect("a key");
    let header = format!("x-api-key: {key}\r\n");
    let status = || async {
        let answer = send(stack.proxy_address(), "/", header.as_bytes()).await;
        answer.expect("an answer").status.as_u16()
    };
    assert_eq!(status().await, 200, "it has not expired yet");
    eventually("it has expired", || async { (status().await == 401).then_some(()) }).await;
    let passed = stack.upstream.requests().len();
    for vendor in VENDORS {
        is_an_authentication_error(&stack, key, vendor).await;
    }
    assert_eq!(stack.upstream.requests().len(), passed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_nobodys_is_a_librarys_own_authentication_error() {
    let stack = by_key().await;
    stack.admin().put_client("a", None, None).await;
    let revoked = new_key(&stack, "a").await;
    let public = revoked.split('_').nth(1).expect("a public part");
    let path = format!("/api/v1/clients/a/keys/{public}");
    let answer = stack.admin().http().request(Method::DELETE, &path).send().await;
    assert!(answer.status.is_success(), "{}", answer.text());
    for key in [&*revoked, "sk-of-the-vendors", "fgk_made_up"] {
        for vendor in VENDORS {
            is_an_authentication_error(&stack, key, vendor).await;
        }
    }
    assert!(stack.upstream.requests().is_empty());
}
