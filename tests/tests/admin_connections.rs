//! Strangers who take all places of a port hold up neither Envoy's workers nor a health check.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use harness::TestStack;
use harness::check;
use harness::deadline::eventually;
use harness::http_client::HttpClient;
use harness::raw_client::RawConnection;
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Far below every time limit by which a silent peer is closed.
const AT_ONCE: Duration = Duration::from_secs(2);

/// An HTTP/2 connection that answers pings and asks for nothing, until it is closed.
async fn idle_connection(server: SocketAddr, connected: &AtomicUsize) {
    let stream = TcpStream::connect(server).await.expect("connected");
    connected.fetch_add(1, Ordering::Relaxed);
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    // One that made room before it had said anything is closed already.
    if let Ok((sender, connection)) = handshake.await {
        let _kept: http2::SendRequest<Empty<Bytes>> = sender;
        let _ = connection.await;
    }
}

/// So many connections at all times: who is closed comes again.
async fn flood(server: SocketAddr, connections: usize) -> JoinSet<()> {
    let mut flood = JoinSet::new();
    let connected = Arc::new(AtomicUsize::new(0));
    for _ in 0..connections {
        let connected = Arc::clone(&connected);
        flood.spawn(async move {
            loop {
                idle_connection(server, &connected).await;
                #[expect(
                    clippy::disallowed_methods,
                    reason = "who is closed comes again, but not at once"
                )]
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
    }
    eventually("a flood of connections", || {
        let connected = connected.load(Ordering::Relaxed);
        async move { (connected >= connections).then_some(()) }
    })
    .await;
    flood
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_answer_pings_lock_no_worker_out_of_the_decision_port() {
    let stack = TestStack::builder().workers(2).setting("UNKNOWN_CLIENTS", "allow").start().await;
    let flood = flood(stack.control_plane.decision_address(), 530).await;
    let started = Instant::now();
    for _ in 0..50 {
        // A connection of its own each, so that both workers are asked.
        let proxy = HttpClient::one_connection_each(stack.proxy_address());
        check::admitted(&proxy.post("/").client("a").tokens(1).send().await);
    }
    assert!(started.elapsed() < 2 * AT_ONCE, "after {:?}", started.elapsed());
    drop(flood);
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_hold_up_neither_health_nor_metrics() {
    let stack = TestStack::start().await;
    for address in [stack.control_plane.rest_address(), stack.control_plane.metrics_address()] {
        let mut silent = Vec::new();
        for _ in 0..200 {
            silent.push(RawConnection::open(address).await);
        }
        let started = Instant::now();
        let answer = HttpClient::one_connection_each(address).get("/health").send().await;
        assert_eq!(answer.status, 200);
        assert!(started.elapsed() < AT_ONCE, "after {:?}", started.elapsed());
    }
}
