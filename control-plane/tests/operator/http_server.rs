//! The HTTP server on real sockets: what it waits for, and for how long.

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, routing::get};
use flowguard::http;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::world::World;

pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    shutdown: CancellationToken,
    server: JoinHandle<()>,
}

pub(crate) async fn serve(router: Router) -> Served {
    let (listener, address) = bound().await;
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(http::serve(listener, router, shutdown.clone()));
    Served { address, shutdown, server }
}

pub(crate) async fn bound() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Sends `request` and reads until the server closes.
pub(crate) async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut peer = TcpStream::connect(address).await.expect("connected");
    peer.write_all(request).await.expect("sent");
    read_to_end(peer).await
}

pub(crate) async fn read_to_end(mut peer: TcpStream) -> String {
    let mut answer = Vec::new();
    // A server that does not read all that was sent resets the connection, after its answer.
    let _ = peer.read_to_end(&mut answer).await;
    String::from_utf8(answer).expect("text")
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let served = serve(World::new().rest()).await;
    let answer = exchange(
        served.address,
        b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n\
          GET /api/v1/clients HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
    assert!(answer.ends_with(r#"{"clients":{},"count":0}"#), "{answer}");
}

#[tokio::test]
async fn the_sender_of_a_body_that_is_too_long_gets_to_read_why() {
    let served = serve(World::new().rest()).await;
    let mut request = b"POST /api/v1/clients HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
        content-type: application/json\r\ncontent-length: 1000000\r\n\r\n"
        .to_vec();
    request.resize(request.len() + 1_000_000, b' ');
    let answer = exchange(served.address, &request).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains(r#"{"error":"body_too_large","#), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_finish_its_header_is_closed() {
    let served = serve(World::new().rest()).await;
    for begun in [&b""[..], b"P", b"GET /health HTTP/1.1\r\nhost: localhost\r\n"] {
        let started = Instant::now();
        let answer = exchange(served.address, begun).await;
        assert!(!answer.contains("200"), "{answer}");
        assert!(started.elapsed().as_secs() <= 11, "after {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_header_that_is_too_long_is_refused() {
    let served = serve(World::new().rest()).await;
    let header =
        format!("GET /health HTTP/1.1\r\nhost: localhost\r\nlong: {}", "x".repeat(64 * 1024));
    let answer = exchange(served.address, header.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_ends_in_a_timeout() {
    let served = serve(World::new().rest()).await;
    let started = Instant::now();
    let answer = exchange(
        served.address,
        b"POST /api/v1/clients HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
          content-length: 100\r\n\r\n{",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    let body = r#"{"error":"request_timeout","message":"the request took too long"}"#;
    assert!(answer.ends_with(body), "{answer}");
    assert!(started.elapsed().as_secs() <= 31, "after {:?}", started.elapsed());
}

#[tokio::test]
async fn a_shutdown_finishes_open_requests_and_takes_no_new_ones() {
    let (begun, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (begun, finish) = (Arc::clone(&begun), Arc::clone(&finish));
        async move || {
            begun.notify_one();
            finish.notified().await;
            "finished"
        }
    };
    let served = serve(Router::new().route("/", get(handler))).await;
    let idle = TcpStream::connect(served.address).await.expect("connected");
    let mut open = TcpStream::connect(served.address).await.expect("connected");
    open.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("sent");
    begun.notified().await;

    served.shutdown.cancel();
    // The idle connection is closed, and by then nobody listens.
    assert_eq!(read_to_end(idle).await, "");
    assert!(TcpStream::connect(served.address).await.is_err());
    assert!(!served.server.is_finished());

    finish.notify_one();
    let answer = read_to_end(open).await;
    assert!(answer.ends_with("finished"), "{answer}");
    served.server.await.expect("the server ends");
}
