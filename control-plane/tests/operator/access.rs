//! What a web page in somebody's browser can make the admin ports do: nothing.

use axum::{
    Router,
    body::Body,
    http::{Method, Request, Version},
};

use crate::{
    http_server::{exchange, serve},
    world::{Reply, World, reply_as_sent},
};

/// Every path with something to read or to change, on both ports.
fn ports(world: &World) -> [(Router, &'static [(&'static str, &'static str)]); 2] {
    const REST: &[(&str, &str)] = &[
        ("GET", "/api/v1/clients"),
        ("POST", "/api/v1/clients"),
        ("GET", "/api/v1/clients/a"),
        ("PUT", "/api/v1/clients/a"),
        ("DELETE", "/api/v1/clients/a"),
        ("OPTIONS", "/api/v1/clients/a"),
        ("GET", "/api/v1/clients/a/stats"),
        ("GET", "/api/v1/stats"),
        ("GET", "/nothing"),
        ("GET", "/health/"),
        ("GET", "//health"),
    ];
    [(world.rest(), REST), (world.metrics(), &[("GET", "/metrics"), ("GET", "/")])]
}

async fn send(router: Router, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::builder().method(method).uri(path);
    for &(name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.header("content-type", "application/json").body(Body::from("{}"));
    reply_as_sent(router, request.expect("a request")).await
}

/// A world with a client that no attack may change.
async fn world() -> World {
    let world = World::new();
    world.configure("a", Some(60), None).await;
    world
}

async fn check_refused(headers: &[(&str, &str)], status: u16, code: &str) -> String {
    let world = world().await;
    let mut told = String::new();
    for (router, paths) in ports(&world) {
        for (method, path) in paths {
            let (answered, error, message) =
                send(router.clone(), method, path, headers).await.error();
            assert_eq!((answered, error.as_str()), (status, code), "{method} {path} {headers:?}");
            told = message;
        }
    }
    let left = world.ledger.configs_after(None, usize::MAX);
    assert!(left.len() == 1 && left[0].limits.rpm.is_some(), "{left:?}");
    told
}

#[tokio::test]
async fn a_page_whose_name_was_made_to_resolve_here_reads_and_writes_nothing() {
    // To the browser the request is of the page's own origin.
    let served = serve(world().await.rest()).await;
    for (method, path) in [("GET", "/api/v1/clients"), ("DELETE", "/api/v1/clients/a")] {
        let port = served.address.port();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: rebound.evil.example:{port}\r\n\
             origin: http://rebound.evil.example:{port}\r\nconnection: close\r\n\r\n"
        );
        let answer = exchange(served.address, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 421 Misdirected Request\r\n"), "{answer}");
        assert!(!answer.contains("client_id"), "{answer}");
    }
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.nip.example", "2130706433"] {
        let told = check_refused(&[("host", host)], 421, "misdirected_request").await;
        assert_eq!(
            told,
            format!(
                "the host \"{host}\" is not answered here: use an IP address, localhost, a name \
                 below .localhost, or one that ALLOWED_HOSTS names"
            )
        );
    }
}

#[tokio::test]
async fn a_request_says_once_which_host_it_is_for() {
    check_refused(&[], 421, "misdirected_request").await;
    let twice = [("host", "localhost"), ("host", "localhost")];
    check_refused(&twice, 421, "misdirected_request").await;
    check_refused(&[("host", "localhost"), ("host", "evil.example")], 421, "misdirected_request")
        .await;
    check_refused(&[("host", "localhost, evil.example")], 421, "misdirected_request").await;

    let router = world().await.rest();
    let served = serve(router.clone()).await;
    for (request, status) in [
        // The request line may say it too, and both are looked at.
        ("GET http://evil.example/api/v1/clients HTTP/1.1\r\nhost: localhost\r\n", 421),
        ("GET http://localhost/api/v1/clients HTTP/1.1\r\nhost: evil.example\r\n", 421),
        ("GET http://localhost/api/v1/clients HTTP/1.1\r\nhost: localhost\r\n", 200),
        ("GET /api/v1/clients HTTP/1.0\r\n", 200),
        ("GET /api/v1/clients HTTP/1.0\r\nhost: evil.example\r\n", 421),
        ("GET /api/v1/clients HTTP/1.1\r\nhost: \r\n", 421),
        ("GET /api/v1/clients HTTP/1.1\r\n", 421),
    ] {
        let bytes = format!("{request}connection: close\r\n\r\n");
        let answer = exchange(served.address, bytes.as_bytes()).await;
        let answered = answer.split(' ').nth(1).unwrap_or_default();
        assert_eq!(answered, status.to_string(), "{request}{answer}");
    }
}

#[tokio::test]
async fn whoever_names_this_server_is_answered() {
    let world = world().await;
    for host in [
        "localhost",
        "localhost:9091",
        "a.localhost",
        "127.0.0.1:9091",
        "[::1]:9091",
        "192.0.2.1",
        "flowguard.example:443",
    ] {
        let headers = [("host", host)];
        assert_eq!(send(world.rest(), "GET", "/api/v1/clients", &headers).await.status, 200);
        assert_eq!(send(world.metrics(), "GET", "/metrics", &headers).await.status, 200);
    }
}

#[tokio::test]
async fn health_is_told_to_whoever_asks_by_whatever_name() {
    let world = world().await;
    for headers in [&[][..], &[("host", "10-0-0-1.pod.cluster.example")]] {
        for router in [world.rest(), world.metrics()] {
            assert_eq!(send(router, "GET", "/health", headers).await.status, 200, "{headers:?}");
        }
    }
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused_before_anything_is_done() {
    for origin in [
        "http://evil.example",
        "null",
        "",
        "http://localhost",
        "http://localhost:9092",
        "http://127.0.0.1:9091",
        "file://",
    ] {
        let headers = [("host", "localhost:9091"), ("origin", origin)];
        check_refused(&headers, 403, "origin_not_allowed").await;
    }
    let own = ("origin", "http://localhost:9091");
    let twice = [("host", "localhost:9091"), own, own];
    check_refused(&twice, 403, "origin_not_allowed").await;

    let world = world().await;
    for (host, origin) in [
        ("localhost:9091", "http://localhost:9091"),
        ("flowguard.example", "https://flowguard.example"),
    ] {
        let headers = [("host", host), ("origin", origin)];
        assert_eq!(send(world.rest(), "PUT", "/api/v1/clients/a", &headers).await.status, 200);
    }
}

#[tokio::test]
async fn a_form_cannot_write_even_where_every_origin_may_call() {
    let world = World { cors: flowguard::http::CorsOrigins::Any, ..world().await };
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let request = Request::builder()
            .method(Method::POST)
            .version(Version::HTTP_11)
            .uri("/api/v1/clients")
            .header("host", "localhost")
            .header("origin", "null")
            .header("content-type", content_type)
            .body(Body::from(r#"{"client_id":"b"}"#));
        let reply = reply_as_sent(world.rest(), request.expect("a request")).await;
        assert_eq!(reply.error().0, 415);
    }
}
