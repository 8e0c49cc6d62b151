//! What is told to those who are refused, and when.

use std::{future, time::Duration};

use flowguard::credentials::{Scope, Secret};
use futures_util::stream;
use harness::{
    deadline::{eventually_equal, soon},
    http_client::HttpClient,
};
use http::{Method, StatusCode};
use proto::decision::{FilterFrame, decision_service_client::DecisionServiceClient};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::{Code, Request, transport::Endpoint};

use crate::world::{World, log};

/// Status, challenge and body of a GET of `path` with this header, or with several.
async fn get(world: &World, path: &str, authorization: &[&str]) -> (u16, String, String) {
    let mut request = HttpClient::http1(world.rest).get(path);
    for value in authorization {
        request = request.header("authorization", value);
    }
    let answer = request.send().await;
    let challenge = answer.header("www-authenticate").unwrap_or_default().to_owned();
    (answer.status.as_u16(), challenge, answer.text())
}

#[tokio::test]
async fn a_refusal_says_what_is_wrong_and_what_would_be_right() {
    let world = World::start().await;
    let path = "/api/v1/clients";
    let realm = "Bearer realm=\"flowguard\"";
    let invalid = "Bearer realm=\"flowguard\", error=\"invalid_token\"";
    let json =
        |error: &str, message: &str| format!(r#"{{"error":"{error}","message":"{message}"}}"#);

    let missing = json(
        "missing_token",
        "this takes a token with the scope read: send it as Authorization: Bearer fga_…",
    );
    assert_eq!(get(&world, path, &[]).await, (401, realm.to_owned(), missing));

    let basic =
        json("invalid_token", "the Authorization header must be Bearer and a token (fga_…)");
    assert_eq!(get(&world, path, &["Basic YTpi"]).await, (401, invalid.to_owned(), basic));

    let twice = json("invalid_token", "the Authorization header is there twice: send one");
    let token = world.token("ci", &[Scope::Read]);
    let bearer = format!("Bearer {}", token.expose());
    assert_eq!(get(&world, path, &[&bearer, &bearer]).await, (401, invalid.to_owned(), twice));

    let text = json(
        "invalid_token",
        "the token must be fga_<public part>_<secret part>_<checksum>, as it was shown when it was made",
    );
    assert_eq!(get(&world, path, &["Bearer a"]).await, (401, invalid.to_owned(), text));

    let wrong = world.wrong_token();
    let unknown = json("invalid_token", "the token is not known here: it may have been revoked");
    let shown = format!("Bearer {}", wrong.expose());
    assert_eq!(get(&world, path, &[&shown]).await, (401, invalid.to_owned(), unknown));

    let expired = world.expired_token(&[Scope::Read]);
    let told = json("expired_token", &format!("the token {} has expired", expired.public_part()));
    let shown = format!("Bearer {}", expired.expose());
    assert_eq!(get(&world, path, &[&shown]).await, (401, invalid.to_owned(), told));

    let other = world.token("grafana", &[Scope::Metrics, Scope::Decide]);
    let told =
        json("insufficient_scope", "this takes the scope read, and the token has metrics,decide");
    let scope = "Bearer realm=\"flowguard\", error=\"insufficient_scope\", scope=\"read\"";
    let shown = format!("Bearer {}", other.expose());
    assert_eq!(get(&world, path, &[&shown]).await, (403, scope.to_owned(), told));
}

#[tokio::test]
async fn the_scheme_is_read_without_case_and_a_right_token_is_always_answered() {
    let world = World::start().await;
    let token = world.token("ci", &[Scope::Read]);
    let wrong = world.wrong_token();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        for _ in 0..20 {
            let shown = format!("{scheme} {}", wrong.expose());
            assert_eq!(get(&world, "/api/v1/clients", &[&shown]).await.0, 401);
        }
        let shown = format!("{scheme} {}", token.expose());
        assert_eq!(get(&world, "/api/v1/clients", &[&shown]).await.0, 200);
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_to_those_who_are_known() {
    let world = World::start().await;
    let token = format!("Bearer {}", world.token("ci", &[Scope::Metrics]).expose());
    for path in ["/nothing", "/api/v1/clients/a/b", "/metrics"] {
        assert_eq!(get(&world, path, &[]).await.0, 401, "{path}");
        assert_eq!(get(&world, path, &[&token]).await.0, 404, "{path}");
    }
    let brew = HttpClient::http1(world.rest).request(Method::TRACE, "/api/v1/clients");
    let answer = brew.header("authorization", &token).send().await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.header("allow"), Some("GET,HEAD,POST"));

    let request = HttpClient::http2(world.grpc)
        .post("/flowguard.FlowGuardService/Nothing")
        .header("content-type", "application/grpc")
        .body(vec![0; 5]);
    let status = |answer: harness::http_client::OpenAnswer| {
        answer.headers().get("grpc-status").map(|status| status.to_str().expect("text").to_owned())
    };
    assert_eq!(status(request.open().await).as_deref(), Some("16"));
}

#[tokio::test]
async fn a_token_that_is_revoked_is_refused_with_the_next_request_of_its_connection() {
    let world = World::start().await;
    let client = HttpClient::http1(world.rest);
    let token = world.token("ci", &[Scope::Read]);
    let bearer = format!("Bearer {}", token.expose());
    let status = || async {
        let request = client.get("/api/v1/clients").header("authorization", &bearer);
        request.send().await.status.as_u16()
    };
    assert_eq!(status().await, 200);
    world.tokens.remove(token.public_part());
    assert_eq!(status().await, 401);
}

#[tokio::test]
async fn the_body_of_a_request_that_is_refused_is_not_waited_for() {
    let world = World::start().await;
    for expect in ["", "expect: 100-continue\r\n"] {
        let mut peer = TcpStream::connect(world.rest).await.expect("connected");
        let request = format!(
            "PUT /api/v1/config HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: 1000000\r\n{expect}\r\n"
        );
        peer.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        soon("the answer", peer.read_to_string(&mut answer)).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{answer}");
    }
}

/// What a stream of the decision port is answered that never sends a frame.
async fn open_stream(world: &World, authorization: Option<&str>) -> Result<(), Code> {
    let endpoint = Endpoint::from_shared(format!("http://{}", world.decisions)).expect("a URI");
    let channel = endpoint.connect().await.expect("connected");
    let mut request = Request::new(stream::pending::<FilterFrame>());
    if let Some(authorization) = authorization {
        let value = authorization.parse().expect("text");
        request.metadata_mut().insert("authorization", value);
    }
    let mut client = DecisionServiceClient::new(channel);
    let answer = soon("an answer", client.decide(request)).await;
    answer.map(drop).map_err(|status| status.code())
}

#[tokio::test]
async fn the_decision_port_refuses_a_stranger_before_it_reads_a_frame() {
    let world = World::start().await;
    assert_eq!(open_stream(&world, None).await, Err(Code::Unauthenticated));
    let other = world.token("ci", &[Scope::Read, Scope::Write]);
    let shown = format!("Bearer {}", other.expose());
    assert_eq!(open_stream(&world, Some(&shown)).await, Err(Code::PermissionDenied));
    let envoy = world.token("envoy", &[Scope::Decide]);
    let shown = format!("bearer {}", envoy.expose());
    assert_eq!(open_stream(&world, Some(&shown)).await, Ok(()));
}

#[tokio::test]
async fn a_decision_stream_ends_when_its_token_is_revoked() {
    let world = World::start().await;
    let envoy = world.token("envoy", &[Scope::Decide]);
    let endpoint = Endpoint::from_shared(format!("http://{}", world.decisions)).expect("a URI");
    let mut client = DecisionServiceClient::new(endpoint.connect().await.expect("connected"));
    let mut request = Request::new(stream::pending::<FilterFrame>());
    let shown = format!("Bearer {}", envoy.expose()).parse().expect("text");
    request.metadata_mut().insert("authorization", shown);
    let mut answers = client.decide(request).await.expect("let in").into_inner();
    world.tokens.remove(envoy.public_part());
    // Not for its silence: a stream may take ten seconds to say hello.
    let ended = tokio::time::timeout(Duration::from_secs(5), answers.message()).await;
    let status = ended.expect("it ends within seconds").expect_err("nothing was asked");
    assert_eq!(status.code(), Code::Unauthenticated, "{}", status.message());
}

#[tokio::test]
async fn a_document_with_keys_or_tokens_takes_their_scopes_too() {
    let world = World::start().await;
    let write = world.token("deploy", &[Scope::Write]);
    let both = world.token("admin", &[Scope::Write, Scope::Keys]);
    for (token, section, status) in [
        (&write, "", 200),
        (&write, r#","keys":{}"#, 403),
        (&write, r#","tokens":{}"#, 403),
        (&both, r#","keys":{}"#, 200),
        (&both, r#","tokens":{}"#, 403),
    ] {
        let document = format!(r#"{{"clients":{{"a":{{"rpm":60}}}}{section}}}"#);
        let request = HttpClient::http1(world.rest).request(Method::PUT, "/api/v1/config");
        let request = request.header("authorization", format!("Bearer {}", token.expose()));
        let answer = request.header("content-type", "application/json").body(document).send().await;
        assert_eq!(answer.status.as_u16(), status, "{section}: {}", answer.text());
        if status == 403 {
            assert_eq!(answer.json()["error"], "insufficient_scope", "{}", answer.text());
        }
    }
}

#[tokio::test]
async fn who_may_not_do_something_with_their_token_is_named_and_counted_for_a_part_of_a_call_too() {
    let world = World::start().await;
    let metrics = world.token("prometheus", &[Scope::Metrics]);
    for (name, path, body) in [
        ("whole-call", "/api/v1/tokens", r#"{"name":"more","scopes":["read"]}"#),
        ("part-of-one", "/api/v1/config", r#"{"tokens":{}}"#),
    ] {
        let counted = refused_for_their_scope(&world, &metrics).await;
        let token = world.token(name, &[Scope::Write]);
        let method = if path.ends_with("config") { Method::PUT } else { Method::POST };
        let request = HttpClient::http1(world.rest).request(method, path);
        let request = request.header("authorization", format!("Bearer {}", token.expose()));
        let request = request.header("content-type", "application/json");
        let answer = request.body(body).send().await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text());
        assert_eq!(refused_for_their_scope(&world, &metrics).await, counted + 1, "{path}");
        // A line a second is for people: the next world's may have been the one.
        let named = format!("token {name} ({})", token.public_part());
        let again = || async {
            let request = HttpClient::http1(world.rest).get("/api/v1/clients");
            let shown = format!("Bearer {}", token.expose());
            request.header("authorization", shown).send().await;
            log().contains(&named)
        };
        eventually_equal("the log", true, again).await;
    }
}

/// How many callers were refused at REST because their token is not good for that.
async fn refused_for_their_scope(world: &World, metrics: &Secret) -> u64 {
    let request = HttpClient::http1(world.metrics).get("/metrics");
    let shown = format!("Bearer {}", metrics.expose());
    let page = request.header("authorization", shown).send().await.text();
    let series = r#"flowguard_auth_refused_total{port="rest",reason="insufficient_scope"} "#;
    let value = page.lines().find_map(|line| line.strip_prefix(series));
    value.expect("it is there").parse().expect("a number")
}

#[tokio::test]
async fn who_reads_the_configuration_sees_keys_and_tokens_by_their_scopes_alone() {
    let world = World::start().await;
    let admin = world.token("admin", &[Scope::Read, Scope::Keys, Scope::Tokens]);
    let call = |method: Method, path: &str, token: &Secret| {
        let request = HttpClient::http1(world.rest).request(method, path);
        let request = request.header("authorization", format!("Bearer {}", token.expose()));
        request.header("content-type", "application/json")
    };
    let made = call(Method::POST, "/api/v1/clients/a/keys", &admin).body("{}").send().await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let token = r#"{"name":"made","scopes":["read"]}"#;
    let made = call(Method::POST, "/api/v1/tokens", &admin).body(token).send().await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    for (scopes, keys, tokens) in [
        (&[Scope::Read][..], false, false),
        (&[Scope::Read, Scope::Keys], true, false),
        (&[Scope::Read, Scope::Tokens], false, true),
        (&[Scope::Read, Scope::Keys, Scope::Tokens], true, true),
    ] {
        let reader = world.token("reader", scopes);
        let document = call(Method::GET, "/api/v1/config", &reader).send().await.json();
        assert_eq!(document["clients"]["a"]["rpm"], 60, "{document}");
        let seen = (document.get("keys").is_some(), document.get("tokens").is_some());
        assert_eq!(seen, (keys, tokens), "{scopes:?}: {document}");
    }
}

#[tokio::test]
async fn what_somebody_does_is_logged_with_the_name_of_their_token() {
    let world = World::start().await;
    let token = world.token("deploy-bot", &[Scope::Write]);
    let request = HttpClient::http1(world.rest).request(Method::DELETE, "/api/v1/clients/a");
    let bearer = format!("Bearer {}", token.expose());
    assert_eq!(request.header("authorization", bearer).send().await.status, StatusCode::OK);
    let named = format!("token deploy-bot ({}) at 127.0.0.1:", token.public_part());
    eventually_equal("the log", true, || future::ready(log().contains(&named))).await;
}

#[tokio::test]
async fn a_wrong_token_is_logged_by_its_public_part_alone() {
    let world = World::start().await;
    let token = world.wrong_token();
    let shown = format!("Bearer {}", token.expose());
    get(&world, "/api/v1/clients", &[&shown]).await;
    let public = token.public_part().to_string();
    eventually_equal("the log", true, || future::ready(log().contains(&public))).await;
    world.is_without_secrets(&log());
}

#[tokio::test]
async fn every_answer_has_the_headers_that_hold_a_browser_back() {
    let world = World::start().await;
    let token = format!("Bearer {}", world.token("ci", &[Scope::Read]).expose());
    let rest = HttpClient::http1(world.rest);
    let foreign = ("origin", "http://evil.example");
    for (status, path, headers) in [
        (200, "/health", &[][..]),
        (200, "/api/v1/clients", &[("authorization", token.as_str())]),
        (401, "/api/v1/clients", &[]),
        (403, "/api/v1/clients", &[foreign]),
        (404, "/nothing", &[("authorization", &token)]),
        (421, "/api/v1/clients", &[("host", "evil.example")]),
    ] {
        let mut request = rest.get(path);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await;
        assert_eq!(answer.status.as_u16(), status, "{path} {headers:?}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{status} {path}");
        }
    }
    let metrics = HttpClient::http1(world.metrics).get("/metrics").send().await;
    assert_eq!(metrics.header("x-content-type-options"), Some("nosniff"));
}
