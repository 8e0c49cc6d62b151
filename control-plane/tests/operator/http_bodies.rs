//! Requests that are framed wrongly, oddly or not at all, on a real socket.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    http_server::{exchange, serve},
    world::World,
};

const JSON: &str = "host: localhost\r\ncontent-type: application/json\r\n";

async fn check(address: SocketAddr, request: &str, status: &str, body: &str) {
    let answer = exchange(address, request.as_bytes()).await;
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}\n{answer}");
    assert!(answer.contains(body), "{request}\n{answer}");
}

/// Sends a request and closes the sending side, as a peer does that has nothing more to say.
async fn check_cut_short(address: SocketAddr, request: &str, body: &str) {
    let mut peer = TcpStream::connect(address).await.expect("connected");
    peer.write_all(request.as_bytes()).await.expect("sent");
    peer.shutdown().await.expect("the sending side is closed");
    let mut answer = String::new();
    peer.read_to_string(&mut answer).await.expect("text");
    assert!(answer.contains(body), "{request}\n{answer}");
}

#[tokio::test]
async fn a_length_that_is_a_lie_stores_nothing() {
    let world = World::new();
    let served = serve(world.rest()).await;
    let put = format!("PUT /api/v1/clients/a HTTP/1.1\r\n{JSON}");
    for lengths in [
        "content-length: x\r\n",
        "content-length: -1\r\n",
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: 99999999999999999999999\r\n",
    ] {
        check(served.address, &format!("{put}{lengths}\r\n{{}}"), "400", "").await;
    }
    let length_and_chunks = "content-length: 2\r\ntransfer-encoding: chunked\r\n";
    let cut = "HTTP/1.1 400 Bad Request\r\n";
    check_cut_short(served.address, &format!("{put}content-length: 20\r\n\r\n{{\"rpm\":"), cut)
        .await;
    assert!(world.ledger.is_empty());
    // Of both, the chunks are right, and the connection ends, so that nobody can hide a second
    // request in what the other reading leaves over (RFC 9112, section 6.3).
    let hidden = "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let both = format!("{put}{length_and_chunks}\r\n2\r\n{{}}\r\n0\r\n\r\n{hidden}");
    let answer = exchange(served.address, both.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn chunks_that_are_garbage_are_a_bad_request() {
    let world = World::new();
    let served = serve(world.rest()).await;
    for chunks in [
        "zz\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}x\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\n{}",
        "-2\r\n{}\r\n",
    ] {
        let request = format!(
            "PUT /api/v1/clients/a HTTP/1.1\r\n{JSON}transfer-encoding: chunked\r\n\r\n{chunks}"
        );
        let body = r#"{"error":"invalid_json","message":"the body did not arrive whole"}"#;
        check(served.address, &request, "400", body).await;
    }
    assert!(world.ledger.is_empty());
}

#[tokio::test]
async fn who_expects_to_be_told_to_go_on_is_told() {
    let served = serve(World::new().rest()).await;
    let mut peer = TcpStream::connect(served.address).await.expect("connected");
    let head = format!(
        "PUT /api/v1/clients/a HTTP/1.1\r\n{JSON}expect: 100-continue\r\ncontent-length: 2\r\n\
         connection: close\r\n\r\n"
    );
    peer.write_all(head.as_bytes()).await.expect("sent");
    let mut told = [0; 25];
    peer.read_exact(&mut told).await.expect("told");
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    peer.write_all(b"{}").await.expect("sent");
    let mut answer = String::new();
    peer.read_to_string(&mut answer).await.expect("text");
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
}

#[tokio::test]
async fn who_expects_to_go_on_and_may_not_is_told_why_without_sending_anything() {
    let served = serve(World::new().rest()).await;
    for (head, status) in [
        ("PUT /api/v1/clients/a HTTP/1.1\r\nhost: evil.example\r\n", "421"),
        (
            "PUT /api/v1/clients/a HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\n",
            "415",
        ),
        ("PUT /api/v1/clients HTTP/1.1\r\nhost: localhost\r\n", "405"),
        ("PUT /nothing HTTP/1.1\r\nhost: localhost\r\n", "404"),
    ] {
        let request = format!("{head}expect: 100-continue\r\ncontent-length: 1000\r\n\r\n");
        check(served.address, &request, status, r#"{"error":""#).await;
    }
}

#[tokio::test]
async fn who_expects_to_go_on_with_a_body_that_is_too_long_is_told_so_without_sending_it() {
    let served = serve(World::new().rest()).await;
    for (method, path) in
        [("PUT", "/api/v1/clients/a"), ("PATCH", "/api/v1/clients/a"), ("POST", "/api/v1/clients")]
    {
        let request = format!(
            "{method} {path} HTTP/1.1\r\n{JSON}expect: 100-continue\r\ncontent-length: 262145\r\n\r\n"
        );
        check(served.address, &request, "413", r#"{"error":"body_too_large","#).await;
    }
}

#[tokio::test]
async fn head_is_answered_like_get_without_a_body() {
    let world = World::new();
    for n in 0..2_000 {
        world.configure(&format!("client-{n:0>100}"), Some(1), None).await;
    }
    world.configure("a", Some(1), None).await;
    let (rest, metrics) = (serve(world.rest()).await, serve(world.metrics()).await);
    for (address, path, status) in [
        (rest.address, "/health", "200"),
        (rest.address, "/api/v1/clients", "200"),
        (rest.address, "/api/v1/stats", "200"),
        (rest.address, "/api/v1/clients/a", "200"),
        (rest.address, "/api/v1/clients/a/stats", "200"),
        (rest.address, "/api/v1/clients/nobody", "404"),
        (rest.address, "/nothing", "404"),
        (rest.address, "/api/v1/clients/a/reset", "405"),
        (metrics.address, "/metrics", "200"),
        (metrics.address, "/health", "200"),
    ] {
        let request =
            format!("HEAD {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let answer = exchange(address, request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}\n{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{path} has a body\n{answer}");
        assert!(answer.contains("\r\ncontent-type: "), "{path}\n{answer}");
    }
}

#[tokio::test]
async fn a_header_that_comes_slowly_a_second_request_and_a_body_of_get_are_understood() {
    let served = serve(World::new().rest()).await;
    let requests = "GET /health HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\n\r\nabc\
        GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let mut peer = TcpStream::connect(served.address).await.expect("connected");
    for byte in requests.bytes() {
        peer.write_all(&[byte]).await.expect("sent");
    }
    let mut answer = String::new();
    peer.read_to_string(&mut answer).await.expect("text");
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
}
