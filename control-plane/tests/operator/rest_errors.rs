//! Every mistake that a caller of the REST API can make, and what it is told.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use futures_util::stream;

use crate::world::{Reply, World, reply};

const LIMIT: &str = "must be null or an integer from 1 to 1000000000000, not";
const ID: &str = "client_id must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ - + | = / ~, but not . or .. alone, not";

async fn check_post(body: &str, status: u16, code: &str, message: &str) {
    let world = World::new();
    let reply = world.post("/api/v1/clients", body.to_owned()).await;
    reply.is_error(status, code, message);
    assert!(world.ledger.is_empty(), "{body} was put in force");
}

#[tokio::test]
async fn what_is_not_json_is_told_by_line_and_column() {
    for (body, told) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("{\"rpm\":60,\n \"tpm\":}", "expected value at line 2 column 8"),
        ("{'rpm':60}", "key must be a string at line 1 column 2"),
        (r#"{"client_id":"a"} x"#, "trailing characters at line 1 column 19"),
        (r#"{"client_id":"a","rpm":NaN}"#, "expected value at line 1 column 24"),
        (r#"{"client_id":"a","rpm":Infinity}"#, "expected value at line 1 column 24"),
        (r#"{"client_id":"a","rpm":01}"#, "invalid number at line 1 column 25"),
        (r#"{"client_id":"a","rpm":+1}"#, "expected value at line 1 column 24"),
        (r#"{"client_id":"a",}"#, "trailing comma at line 1 column 18"),
        (r#"{"\ud800":1}"#, "unexpected end of hex escape at line 1 column 9"),
        ("\u{feff}{}", "expected value at line 1 column 1"),
    ] {
        let message = format!("the body is not JSON: {told}");
        check_post(body, 400, "invalid_json", &message).await;
    }
}

#[tokio::test]
async fn json_that_is_no_object_is_no_configuration() {
    for body in ["null", "true", "60", "\"a\"", "[]", "[1,", r#"[{"client_id":"a"}]"#] {
        check_post(body, 400, "invalid_json", "the body must be a JSON object").await;
    }
}

#[tokio::test]
async fn a_limit_is_null_or_an_integer_that_is_written_as_one() {
    let digits = "9".repeat(400);
    let shown = format!("{}…", "9".repeat(64));
    for (value, shown) in [
        ("0", "0"),
        ("-0", "-0"),
        ("-5", "-5"),
        ("60.0", "60.0"),
        ("1e3", "1e3"),
        ("1000000000001", "1000000000001"),
        ("18446744073709551617", "18446744073709551617"),
        ("1e400", "1e400"),
        (&digits, &shown),
        ("\"60\"", "\"60\""),
        ("true", "true"),
        ("[60]", "[60]"),
        ("{\"a\":\n1}", "{\"a\":\\n1}"),
    ] {
        for field in ["rpm", "tpm"] {
            let body = format!(r#"{{"client_id":"a","{field}":{value}}}"#);
            check_post(&body, 400, "invalid_field", &format!("{field} {LIMIT} {shown}")).await;
        }
    }
    for (value, stored) in [("null", "null"), ("1", "1"), ("1000000000000", "1000000000000")] {
        let world = World::new();
        let body = format!(r#"{{"client_id":"a","rpm":{value}}}"#);
        assert_eq!(world.post("/api/v1/clients", body).await.status, StatusCode::CREATED);
        let config = format!(r#"{{"client_id":"a","rpm":{stored},"tpm":null,"enabled":true}}"#);
        world.get("/api/v1/clients/a").await.is(200, &config);
    }
}

#[tokio::test]
async fn enabled_is_true_or_false_and_nothing_that_means_it() {
    for value in ["null", "0", "\"true\"", "[]"] {
        let body = format!(r#"{{"client_id":"a","enabled":{value}}}"#);
        let message = format!("enabled must be true or false, not {value}");
        check_post(&body, 400, "invalid_field", &message).await;
    }
}

#[tokio::test]
async fn a_client_id_is_a_string_that_could_stand_in_the_header() {
    let long = format!("\"{}\"", "a".repeat(129));
    let cut = format!("\"{}…", "a".repeat(63));
    for (value, shown) in [
        ("\"\"", "\"\""),
        ("\"a b\"", "\"a b\""),
        ("\"a\\\\b\"", "\"a\\\\b\""),
        ("\".\"", "\".\""),
        ("\"..\"", "\"..\""),
        ("\"a,b\"", "\"a,b\""),
        ("\"\u{202e}x\"", "\"\\u{202e}x\""),
        ("\"\\u0000\"", "\"\\u0000\""),
        ("\"\\ud800\"", "\"\\ud800\""),
        ("null", "null"),
        ("7", "7"),
        ("{}", "{}"),
        (&long, &cut),
    ] {
        let body = format!(r#"{{"client_id":{value}}}"#);
        check_post(&body, 400, "invalid_field", &format!("{ID} {shown}")).await;
    }
    // However it is spelled.
    let world = World::new();
    world.post("/api/v1/clients", r#"{"client_id":"\u0061"}"#).await;
    assert_eq!(world.get("/api/v1/clients/a").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_names_of_all_that_is_not_configured_are_no_clients() {
    for name in ["unknown", "other"] {
        let message = format!(
            "client_id must not be \"{name}\": \"unknown\" and \"other\" stand for what is not \
             configured"
        );
        let body = format!(r#"{{"client_id":"{name}"}}"#);
        check_post(&body, 400, "invalid_field", &message).await;
        let path = format!("/api/v1/clients/{name}");
        World::new().put(&path, "{}").await.is_error(400, "invalid_field", &message);
    }
}

#[tokio::test]
async fn all_errors_of_a_body_are_told_at_once_under_the_first_ones_code() {
    check_post("{}", 400, "missing_field", "client_id is required").await;
    check_post(
        r#"{"rpm":0,"rpm":1,"enabled":1,"rmp":60,"":1}"#,
        400,
        "missing_field",
        &format!(
            "client_id is required; rpm {LIMIT} 0; enabled must be true or false, not 1; \
             rpm must be given once, not twice; \
             \"rmp\" is not a field: client_id, rpm, tpm, enabled, min_estimate, group, plan and identities are; \
             \"\" is not a field: client_id, rpm, tpm, enabled, min_estimate, group, plan and identities are"
        ),
    )
    .await;
    check_post(
        r#"{"tpm":"1","client_id":"?"}"#,
        400,
        "invalid_field",
        &format!("{ID} \"?\"; tpm {LIMIT} \"1\""),
    )
    .await;
}

#[tokio::test]
async fn the_id_in_the_path_wins_and_the_body_must_not_say_another() {
    let world = World::new();
    for (body, shown) in [(r#"{"client_id":"b"}"#, "\"b\""), (r#"{"client_id":null}"#, "null")] {
        world.put("/api/v1/clients/a", body).await.is_error(
            400,
            "invalid_field",
            &format!("client_id must be \"a\" as in the path, or absent, not {shown}"),
        );
    }
    assert!(world.ledger.is_empty());
}

#[tokio::test]
async fn an_id_that_could_not_exist_is_not_found_and_cannot_be_created() {
    let world = World::new();
    let long = "a".repeat(129);
    for (segment, shown) in [
        ("%FF", "\"\u{fffd}\""),
        ("..", "\"..\""),
        ("%2E%2e", "\"..\""),
        ("%2e", "\".\""),
        ("a%3Fb", "\"a?b\""),
        ("a%20b", "\"a b\""),
        ("%", "\"%\""),
        ("%zz", "\"%zz\""),
        ("%00", "\"\\u0000\""),
        ("a;b", "\"a;b\""),
        (&long, &format!("\"{}…", "a".repeat(63))),
    ] {
        let path = format!("/api/v1/clients/{segment}");
        for reply in [
            world.get(&path).await,
            world.delete(&path).await,
            world.get(&format!("{path}/stats")).await,
        ] {
            reply.is_error(404, "client_not_found", "Client not found");
        }
        let refused = world.put(&path, "{}").await;
        refused.is_error(400, "invalid_field", &format!("{ID} {shown}"));
    }
    // An id may be percent-encoded though it need not be.
    assert_eq!(world.put("/api/v1/clients/a%3a%62", "{}").await.status, StatusCode::CREATED);
    assert_eq!(world.get("/api/v1/clients/a:b").await.status, StatusCode::OK);
}

#[tokio::test]
async fn paths_that_are_not_served_are_not_found() {
    let world = World::new();
    for path in [
        "/index.html",
        "/console",
        "/console/",
        "/console/nothing.js",
        "/console/../index.html",
        "/api",
        "/api/v1/client",
        "/api/v1/clients/",
        "/api/v1/clients/a/",
        "/api/v1/clients/a/b",
        "/api/v1//clients",
        "/metrics",
    ] {
        let reply = world.get(path).await;
        reply.is_error(404, "not_found", "there is nothing at this path");
    }
}

#[tokio::test]
async fn a_method_that_is_not_served_is_answered_with_those_that_are() {
    let world = World::new();
    for (method, path, allow) in [
        ("PUT", "/api/v1/clients", "GET,HEAD,POST"),
        ("POST", "/api/v1/clients/a", "GET,HEAD,PUT,PATCH,DELETE"),
        ("PATCH", "/api/v1/clients", "GET,HEAD,POST"),
        ("PATCH", "/api/v1/clients/a/stats", "GET,HEAD"),
        ("GET", "/api/v1/clients/a/reset", "POST"),
        ("DELETE", "/api/v1/clients/a/stats", "GET,HEAD"),
        ("POST", "/api/v1/stats", "GET,HEAD"),
        ("OPTIONS", "/health", "GET,HEAD"),
        ("BREW", "/health", "GET,HEAD"),
    ] {
        let request = Request::builder().method(method).uri(path).body(Body::empty());
        let reply = reply(world.rest(), request.expect("a request")).await;
        reply.is_error(405, "method_not_allowed", "this path does not know this method");
        assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
    }
}

async fn post_as(content_type: Option<&[u8]>) -> Reply {
    let mut request = Request::post("/api/v1/clients");
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    let request = request.body(Body::from(r#"{"client_id":"a"}"#)).expect("a request");
    reply(World::new().rest(), request).await
}

#[tokio::test]
async fn a_body_has_to_be_declared_as_json() {
    for content_type in [
        &b"application/json"[..],
        b"Application/JSON",
        b"application/json; charset=utf-8",
        b"application/json ;charset=\"utf-8\"",
    ] {
        assert_eq!(post_as(Some(content_type)).await.status, StatusCode::CREATED);
    }
    let wrong: [Option<&[u8]>; 6] = [
        None,
        Some(b""),
        Some(b"text/plain"),
        Some(b"application/x-www-form-urlencoded"),
        Some(b"application/jsonx"),
        Some(b"\xff"),
    ];
    for content_type in wrong {
        post_as(content_type).await.is_error(
            415,
            "unsupported_media_type",
            "the body must be JSON and be declared so: Content-Type: application/json",
        );
    }
}

fn padded_to(len: usize) -> String {
    let body = r#"{"client_id":"a"}"#;
    format!("{body}{}", " ".repeat(len - body.len()))
}

fn in_chunks(body: &str) -> Body {
    let chunks = body.as_bytes().chunks(1_000).map(<[u8]>::to_vec).map(Ok::<_, std::io::Error>);
    Body::from_stream(stream::iter(chunks.collect::<Vec<_>>()))
}

#[tokio::test]
async fn a_body_of_256_kib_is_read_and_a_longer_one_is_not() {
    const MAX: usize = 256 * 1024;
    let world = World::new();
    let longest = padded_to(MAX);
    let status = async |body: Body| world.post("/api/v1/clients", body).await.status;
    assert_eq!(status(in_chunks(&longest)).await, StatusCode::CREATED);
    assert_eq!(status(Body::from(longest)).await, StatusCode::OK);
    for len in [MAX + 1, 3 * MAX, 40 * MAX] {
        let body = padded_to(len);
        for body in [in_chunks(&body), Body::from(body)] {
            let reply = world.post("/api/v1/clients", body).await;
            let message = "the body must not be longer than 262144 bytes";
            reply.is_error(413, "body_too_large", message);
        }
    }
}

#[tokio::test]
async fn deeply_nested_json_is_refused_like_any_other_value() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let shown = format!("{}…", "[".repeat(64));
    let body = format!(r#"{{"client_id":"a","rpm":{deep}}}"#);
    check_post(&body, 400, "invalid_field", &format!("rpm {LIMIT} {shown}")).await;
    let body = format!(r#"{{"client_id":"a","x":{deep}}}"#);
    let message = "\"x\" is not a field: client_id, rpm, tpm, enabled, min_estimate, group, plan and identities are";
    check_post(&body, 400, "invalid_field", message).await;
}

#[tokio::test]
async fn tens_of_thousands_of_errors_make_a_short_answer() {
    let fields: Vec<_> = (0..20_000).map(|n| format!("\"{n}\":0")).collect();
    let reply = World::new().put("/api/v1/clients/a", format!("{{{}}}", fields.join(","))).await;
    let (status, _, message) = reply.error();
    assert_eq!(status, 400);
    assert!(message.ends_with("; and 19980 more") && message.len() < 2_000, "{message}");
}
