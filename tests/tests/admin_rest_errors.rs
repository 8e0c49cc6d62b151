//! The REST API refuses what it does not understand, with a text that says what is wrong, and
//! changes nothing then.

use harness::TestStack;
use harness::check::{answered, failed};
use http::{Method, StatusCode};
use serde_json::{Value, json};

const CLIENTS: &str = "/api/v1/clients";

#[tokio::test]
async fn every_wrong_field_of_a_body_is_told_at_once() {
    let stack = TestStack::start().await;
    let rest = stack.admin().http().clone();
    let post = async |body: Value| rest.post(CLIENTS).json(&body).send().await;

    let answer =
        post(json!({"client_id": "a b", "rpm": 0, "tpm": "many", "enabled": 1, "burst": 5})).await;
    let message = failed(&answer, 400, "invalid_field");
    for field in ["client_id", "rpm", "tpm", "enabled", "burst"] {
        assert!(message.contains(field), "{field} in: {message}");
    }
    for limit in [
        json!(0),
        json!(-1),
        json!(1.5),
        json!("1"),
        json!(true),
        json!([]),
        json!(1_000_000_000_001_u64),
    ] {
        for field in ["rpm", "tpm"] {
            let message =
                failed(&post(json!({"client_id": "a", field: limit})).await, 400, "invalid_field");
            assert!(message.contains(field), "{message}");
        }
    }
    for id in [
        json!(""),
        json!("a b"),
        json!("a\\b"),
        json!(".."),
        json!("a".repeat(129)),
        json!("é"),
        json!(1),
    ] {
        failed(&post(json!({"client_id": id})).await, 400, "invalid_field");
    }
    failed(&post(json!({"rpm": 1})).await, 400, "missing_field");
    failed(&stack.admin().put("a%20b", &json!({})).await, 400, "invalid_field");
    failed(&stack.admin().put("a", &json!({"unknown": 1})).await, 400, "invalid_field");
    answered(&rest.get(CLIENTS).send().await, 200, &json!({"clients": {}, "count": 0}));
}

#[tokio::test]
async fn what_is_no_json_object_is_refused() {
    let stack = TestStack::start().await;
    let rest = stack.admin().http().clone();
    let post = async |body: &[u8]| {
        let request = rest.post(CLIENTS).header("content-type", "application/json");
        request.body(body.to_vec()).send().await
    };
    let bodies: &[&[u8]] = &[
        b"",
        b"{",
        b"{\"client_id\":\"a\"}}",
        b"{'client_id':'a'}",
        b"\xff\xfe",
        b"{\"client_id\":\"\xff\"}",
        b"{\"client_id\":\"a\",}",
        b"nonsense",
    ];
    for body in bodies {
        println!("{}", String::from_utf8_lossy(body));
        failed(&post(body).await, 400, "invalid_json");
    }
    for body in [&b"[]"[..], b"null", b"1", b"\"a\""] {
        println!("{}", String::from_utf8_lossy(body));
        assert_eq!(post(body).await.status, StatusCode::BAD_REQUEST);
    }
    let deep = "[".repeat(100_000);
    assert_eq!(post(deep.as_bytes()).await.status, StatusCode::BAD_REQUEST);
    answered(&rest.get(CLIENTS).send().await, 200, &json!({"clients": {}, "count": 0}));
}

#[tokio::test]
async fn the_size_the_type_the_path_and_the_method_of_a_call_are_checked() {
    let stack = TestStack::start().await;
    let rest = stack.admin().http().clone();
    let padded = format!(r#"{{"client_id":"a"{}}}"#, " ".repeat(256 * 1024));
    let too_large = rest.post(CLIENTS).header("content-type", "application/json").body(padded);
    assert_eq!(too_large.send().await.status, StatusCode::PAYLOAD_TOO_LARGE);

    let config = json!({"client_id": "a"}).to_string();
    for content_type in ["text/plain", "application/x-www-form-urlencoded"] {
        let request = rest.post(CLIENTS).header("content-type", content_type).body(config.clone());
        assert_eq!(request.send().await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let untyped = rest.post(CLIENTS).body(config.clone()).send().await;
    assert_eq!(untyped.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let with_charset = rest.post(CLIENTS).header("content-type", "application/json; charset=utf-8");
    assert_eq!(with_charset.body(config).send().await.status, StatusCode::CREATED);

    let methods = [
        (Method::PATCH, CLIENTS),
        (Method::DELETE, CLIENTS),
        (Method::POST, "/api/v1/clients/a"),
        (Method::PATCH, "/api/v1/clients/a/stats"),
        (Method::GET, "/api/v1/clients/a/reset"),
        (Method::POST, "/api/v1/clients/a/stats"),
        (Method::DELETE, "/api/v1/stats"),
        (Method::POST, "/health"),
    ];
    for (method, path) in methods {
        println!("{method} {path}");
        let answer = rest.request(method, path).send().await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert!(answer.headers.contains_key("allow"), "a 405 names what is allowed");
        assert!(answer.json()["error"].is_string() && answer.json()["message"].is_string());
    }
    for path in ["/no", "/api/v1", "/api/v1/client", "/api/v1/clients/a/stat", "/api/v2/clients"] {
        println!("{path}");
        let answer = rest.get(path).send().await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(answer.json()["error"].is_string() && answer.json()["message"].is_string());
    }
}

#[tokio::test]
async fn a_configuration_that_is_refused_leaves_the_one_in_force() {
    let stack = TestStack::start().await;
    let admin = stack.admin();
    admin.put_client("a", 60, 1_000).await;
    let in_force = admin.get("a").await.json();

    let refused = [
        admin.put("a", &json!({"rpm": 1, "tpm": 0})).await,
        admin.patch("a", &json!({"rpm": 1, "burst": 5})).await,
    ];
    for answer in refused {
        failed(&answer, 400, "invalid_field");
    }
    answered(&admin.get("a").await, 200, &in_force);
}
