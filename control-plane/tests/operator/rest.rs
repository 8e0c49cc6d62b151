//! Section 3 of docs/contract.md, call by call; its errors are in `rest_errors`.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use flowguard::{health::Part, http::CorsOrigins, ledger::Answer, operator::start};
use limiter::UnixMillis;
use tower::ServiceExt as _;

use crate::world::{Reply, World, reply};

#[tokio::test]
async fn a_client_is_created_shown_replaced_and_deleted() {
    let world = World::new();
    let body = r#"{"client_id":"a","rpm":60,"tpm":1000,"enabled":true}"#;
    world.post("/api/v1/clients", body).await.is(
        201,
        r#"{"success":true,"message":"Client a was created","config":{"client_id":"a","rpm":60,"tpm":1000,"enabled":true}}"#,
    );
    world.get("/api/v1/clients/a").await.is(200, body);

    world.post("/api/v1/clients", r#"{"client_id":"a","rpm":120}"#).await.is(
        200,
        r#"{"success":true,"message":"Client a was replaced: tpm 1000 was taken away","config":{"client_id":"a","rpm":120,"tpm":null,"enabled":true}}"#,
    );
    let after = r#"{"client_id":"a","rpm":120,"tpm":null,"enabled":true}"#;
    world.get("/api/v1/clients/a").await.is(200, after);

    world
        .delete("/api/v1/clients/a")
        .await
        .is(200, r#"{"success":true,"message":"Client a was deleted"}"#);
    for gone in [world.get("/api/v1/clients/a").await, world.delete("/api/v1/clients/a").await] {
        gone.is(404, r#"{"error":"client_not_found","message":"Client not found"}"#);
    }
}

#[tokio::test]
async fn put_creates_and_replaces_the_whole_configuration() {
    let world = World::new();
    world.put("/api/v1/clients/a", r#"{"rpm":1,"tpm":2,"enabled":false}"#).await.is(
        201,
        r#"{"success":true,"message":"Client a was created","config":{"client_id":"a","rpm":1,"tpm":2,"enabled":false}}"#,
    );
    world.put("/api/v1/clients/a", r#"{"client_id":"a"}"#).await.is(
        200,
        r#"{"success":true,"message":"Client a was replaced: rpm 1 and tpm 2 were taken away; it has no limit","config":{"client_id":"a","rpm":null,"tpm":null,"enabled":true}}"#,
    );
}

#[tokio::test]
async fn an_id_is_one_segment_of_a_path_whatever_it_holds() {
    let world = World::new();
    for (id, segment) in [
        ("auth0|5f7c8ec7c33c6c004bbafe82", "auth0%7C5f7c8ec7c33c6c004bbafe82"),
        ("arn:aws:iam::123456789012:user/a+b=c", "arn:aws:iam::123456789012:user%2Fa+b=c"),
        ("spiffe://example.org/ns/a", "spiffe:%2F%2Fexample.org%2fns%2Fa"),
        ("a/stats", "a%2Fstats"),
        ("a/../b", "a%2F..%2Fb"),
        ("/", "%2F"),
        ("~a", "~a"),
        ("...", "..."),
    ] {
        let path = format!("/api/v1/clients/{segment}");
        let config = format!(r#"{{"client_id":"{id}","rpm":7,"tpm":null,"enabled":true}}"#);
        assert_eq!(world.put(&path, r#"{"rpm":7}"#).await.status, StatusCode::CREATED);
        world.get(&path).await.is(200, &config);
        world.post("/api/v1/clients", config.clone()).await;
        let list = world.get("/api/v1/clients").await.body;
        assert!(list.contains(&format!(r#""{id}":{config}"#)), "{list}");
        let stats = world.get(&format!("{path}/stats")).await;
        assert!(stats.body.starts_with(&format!(r#"{{"client_id":"{id}""#)), "{}", stats.body);
        assert_eq!(world.delete(&path).await.status, StatusCode::OK);
    }
    assert!(world.ledger.is_empty());
}

#[tokio::test]
async fn a_floor_for_estimates_is_shown_only_where_one_is_set() {
    let world = World::new();
    world.put("/api/v1/clients/a", r#"{"tpm":100,"min_estimate":0}"#).await.is(
        201,
        r#"{"success":true,"message":"Client a was created","config":{"client_id":"a","rpm":null,"tpm":100,"enabled":true,"min_estimate":0}}"#,
    );
    let config =
        r#"{"client_id":"a","rpm":null,"tpm":100,"enabled":true,"min_estimate":1000000000000}"#;
    world.put("/api/v1/clients/a", config).await;
    world.get("/api/v1/clients/a").await.is(200, config);
    world.put("/api/v1/clients/a", r#"{"tpm":100,"min_estimate":null}"#).await.is(
        200,
        r#"{"success":true,"message":"Client a was replaced: min_estimate 1000000000000 was taken away","config":{"client_id":"a","rpm":null,"tpm":100,"enabled":true}}"#,
    );
    for value in ["-1", "1000000000001", "0.5", "1e3", "\"1\"", "true"] {
        let body = format!(r#"{{"min_estimate":{value}}}"#);
        world.put("/api/v1/clients/a", body).await.is_error(
            400,
            "invalid_field",
            &format!(
                "min_estimate must be null or an integer from 0 to 1000000000000, not {value}"
            ),
        );
    }
}

#[tokio::test]
async fn clients_and_statistics_are_maps_in_the_order_of_the_ids() {
    let world = World::new();
    world.get("/api/v1/clients").await.is(200, r#"{"clients":{},"count":0}"#);
    world.get("/api/v1/stats").await.is(200, r#"{"stats":{},"count":0}"#);
    for id in ["b", "a", "B", "a:1@x.y-z_0"] {
        world.configure(id, Some(1), None).await;
    }
    let ids = |key: &str, reply: &Reply| {
        let marker = format!(r#"{{"{key}":{{"#);
        assert!(reply.body.starts_with(&marker), "{}", reply.body);
        reply.body.split(r#":{"client_id":""#).skip(1).map(first_word).collect::<Vec<_>>()
    };
    let clients = world.get("/api/v1/clients").await;
    assert_eq!(ids("clients", &clients), ["B", "a", "a:1@x.y-z_0", "b"]);
    assert!(clients.body.contains(
        r#""a:1@x.y-z_0":{"client_id":"a:1@x.y-z_0","rpm":1,"tpm":null,"enabled":true}"#
    ));
    assert!(clients.body.ends_with(r#"},"count":4}"#), "{}", clients.body);
    let stats = world.get("/api/v1/stats").await;
    assert_eq!(ids("stats", &stats), ["B", "a", "a:1@x.y-z_0", "b"]);
    assert!(stats.body.ends_with(r#"},"count":4}"#), "{}", stats.body);
}

fn first_word(text: &str) -> String {
    text.split('"').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn statistics_tell_what_was_decided_and_what_is_left() {
    let world = World::new();
    world.at(UnixMillis(4_102_444_800_250));
    world.configure("a", Some(3), Some(100)).await;
    world.complete("a", 30, 1_500);
    world.complete("a", 0, 2_000);
    assert!(matches!(world.ask("a", 71), Answer::Refused { .. }));
    world.complete("a", 10, 2_500);
    assert!(matches!(world.ask("a", 1), Answer::Refused { .. }));

    let stats = r#"{"client_id":"a","total_requests":5,"success_requests":3,"dropped_requests":2,"rpm_dropped":1,"tpm_dropped":1,"tokens_used":40,"rpm_remaining":0,"tpm_remaining":60,"last_request_time":"2100-01-01T00:00:00.250Z","avg_latency_ms":2.0,"tpm_balance":60}"#;
    world.get("/api/v1/clients/a/stats").await.is(200, stats);
    world.get("/api/v1/stats").await.is(200, &format!(r#"{{"stats":{{"a":{stats}}},"count":1}}"#));
}

#[tokio::test]
async fn a_client_without_limits_has_nothing_remaining_and_one_that_never_asked_no_last_time() {
    let world = World::new();
    world.configure("a", None, None).await;
    world.get("/api/v1/clients/a/stats").await.is(
        200,
        r#"{"client_id":"a","total_requests":0,"success_requests":0,"dropped_requests":0,"rpm_dropped":0,"tpm_dropped":0,"tokens_used":0,"rpm_remaining":null,"tpm_remaining":null,"last_request_time":null,"avg_latency_ms":0.0}"#,
    );
}

#[tokio::test]
async fn ids_that_are_not_configured_have_no_statistics_of_their_own() {
    let world = World::new();
    let _held = world.ask_admitted("stranger", 1);
    for path in ["stranger", "unknown", "stranger/stats", "unknown/stats"] {
        let reply = world.get(&format!("/api/v1/clients/{path}")).await;
        reply.is_error(404, "client_not_found", "Client not found");
    }
    world.get("/api/v1/stats").await.is(200, r#"{"stats":{},"count":0}"#);
}

#[tokio::test]
async fn a_write_is_in_force_when_it_is_acknowledged_and_refills_nothing() {
    let world = World::new();
    world.put("/api/v1/clients/a", r#"{"rpm":2}"#).await;
    let _held = [world.ask_admitted("a", 0), world.ask_admitted("a", 0)];
    assert!(matches!(world.ask("a", 0), Answer::Refused { .. }));

    world.put("/api/v1/clients/a", r#"{"rpm":1000}"#).await;
    assert!(matches!(world.ask("a", 0), Answer::Refused { .. }));
    world.put("/api/v1/clients/a", r#"{"rpm":1000,"enabled":false}"#).await;
    let _held = world.ask_admitted("a", 0);
    world.delete("/api/v1/clients/a").await;
    let _held = world.ask_admitted("a", 0);
}

#[tokio::test]
async fn health_tells_when_the_process_stops() {
    let world = World::new();
    let version = env!("CARGO_PKG_VERSION");
    let body =
        |status| format!(r#"{{"status":"{status}","service":"flowguard","version":"{version}"}}"#);
    world.get("/health").await.is(200, &body("healthy"));
    world.health.stop();
    world.get("/health").await.is(503, &body("stopping"));
}

#[tokio::test]
async fn a_process_is_ready_until_it_stops_and_says_so_to_whoever_calls_it_by_any_name() {
    let world = World::new();
    for router in [world.rest(), world.metrics()] {
        let ready = async || {
            let request = Request::get("/ready").header("host", "anything.example");
            let answer =
                router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            answer.status()
        };
        assert_eq!(ready().await, StatusCode::OK);
    }
    world.get("/ready").await.is(200, r#"{"status":"ready"}"#);
    world.health.degrade(Part::Journal, "the disk is full".to_owned());
    world.get("/ready").await.is(200, r#"{"status":"ready"}"#);
    world.health.stop();
    world.get("/ready").await.is(503, r#"{"status":"stopping"}"#);
}

#[tokio::test]
async fn demo_clients_are_there_when_nobody_else_is() {
    let world = World::new();
    start::seed_demo_clients(&world.operator).await.expect("seeded");
    world.get("/api/v1/clients").await.is(
        200,
        concat!(
            r#"{"clients":{"#,
            r#""demo-client":{"client_id":"demo-client","rpm":60,"tpm":1000,"enabled":true},"#,
            r#""premium-client":{"client_id":"premium-client","rpm":120,"tpm":2000,"enabled":true},"#,
            r#""test-client":{"client_id":"test-client","rpm":30,"tpm":500,"enabled":true}"#,
            r#"},"count":3}"#
        ),
    );

    let world = World::new();
    world.put("/api/v1/clients/a", r#"{"enabled":false}"#).await;
    start::seed_demo_clients(&world.operator).await.expect("nothing to do");
    assert_eq!(world.ledger.len(), 1);
}

async fn preflight(world: &World, origin: &str) -> Reply {
    let request = Request::builder()
        .method(Method::OPTIONS)
        .uri("/api/v1/clients/a")
        .header("origin", origin)
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "content-type");
    reply(world.rest(), request.body(Body::empty()).expect("a request")).await
}

fn cors(origins: &str) -> CorsOrigins {
    CorsOrigins::parse(origins).expect("origins")
}

#[tokio::test]
async fn a_browser_may_call_from_the_origins_that_are_allowed_and_from_no_other() {
    const LISTED: &str = "https://console.example.com";
    const OTHER: &str = "https://evil.example.com";
    let allowed_by = async |cors, origin: &str| {
        let world = World { cors, ..World::new() };
        let reply = preflight(&world, origin).await;
        let header = |name| reply.header(name).unwrap_or_default().to_owned();
        let origin = header("access-control-allow-origin");
        if origin.is_empty() {
            assert_eq!(reply.error().0, 403);
        } else {
            assert_eq!(reply.status, StatusCode::OK);
            assert_eq!(header("access-control-allow-methods"), "GET,POST,PUT,PATCH,DELETE");
            assert_eq!(
                header("access-control-allow-headers"),
                "content-type,authorization,if-match,last-event-id"
            );
        }
        origin
    };
    assert_eq!(allowed_by(CorsOrigins::None, LISTED).await, "");
    assert_eq!(allowed_by(CorsOrigins::Any, OTHER).await, "*");
    let list = cors("https://console.example.com,http://localhost:3000");
    assert_eq!(allowed_by(list.clone(), LISTED).await, LISTED);
    assert_eq!(allowed_by(list.clone(), "http://localhost:3000").await, "http://localhost:3000");
    assert_eq!(allowed_by(list, OTHER).await, "");
}

#[tokio::test]
async fn an_error_too_can_be_read_by_a_page_that_may_call() {
    let world = World { cors: CorsOrigins::Any, ..World::new() };
    let request = Request::get("/api/v1/clients/a").header("origin", "https://a.example");
    let reply = reply(world.rest(), request.body(Body::empty()).expect("a request")).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    assert_eq!(reply.header("access-control-expose-headers"), Some("etag"));
}
