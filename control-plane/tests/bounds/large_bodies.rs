//! A body of a gigabyte, to everything that takes one: it is refused early and not kept.

use std::{net::SocketAddr, sync::Arc};

use flowguard::{
    ledger::{Ledger, Policy, SystemClock},
    store::NoStore,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, tcp::OwnedWriteHalf},
    time::timeout,
};

use crate::{
    ALONE,
    memory::{resident_bytes, resident_peak},
    served::{Served, serve},
    worker::SOON,
};

const BODY_BYTES: usize = 1 << 30;

/// What the kernel takes for a server that reads nothing, and what the server throws away so that
/// the sender gets to read why.
const TAKEN_BYTES_MAX: usize = 32 << 20;

const MEMORY_BYTES_MAX: usize = 32 << 20;

/// How the end of a body is told.
#[derive(Clone, Copy, Debug)]
enum Framing {
    Length,
    Chunks,
}

impl Framing {
    fn header(self) -> String {
        match self {
            Self::Length => format!("content-length: {BODY_BYTES}"),
            Self::Chunks => "transfer-encoding: chunked".to_owned(),
        }
    }

    fn piece(self) -> Vec<u8> {
        const PIECE_BYTES: usize = 64 * 1024;
        let piece = vec![b' '; PIECE_BYTES];
        match self {
            Self::Length => piece,
            Self::Chunks => [format!("{PIECE_BYTES:x}\r\n").as_bytes(), &piece, b"\r\n"].concat(),
        }
    }
}

/// Sends as much as is taken, and tells how much that was.
async fn send_all(mut to: OwnedWriteHalf, head: String, piece: Vec<u8>) -> usize {
    let mut taken = 0;
    let mut sent = to.write_all(head.as_bytes()).await;
    while sent.is_ok() && taken < BODY_BYTES {
        sent = to.write_all(&piece).await;
        taken += piece.len();
    }
    taken
}

/// The answer to a request with a body of a gigabyte, whose sender reads while it sends.
async fn answer(address: SocketAddr, request: &str, framing: Framing) -> String {
    let tcp = TcpStream::connect(address).await.expect("connected");
    let (mut from, to) = tcp.into_split();
    let head = format!(
        "{request} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{}\r\n\r\n",
        framing.header()
    );
    let sending = tokio::spawn(send_all(to, head, framing.piece()));
    let mut answer = Vec::new();
    // A server that does not read all that was sent resets the connection, after its answer.
    let _ = timeout(SOON, from.read_to_end(&mut answer)).await.expect("the connection ends");
    let taken = sending.await.expect("no panic");
    assert!(taken < TAKEN_BYTES_MAX, "{request} {framing:?}: {taken} bytes were taken");
    String::from_utf8(answer).expect("text")
}

async fn serve_nobody() -> Served {
    let ledger = Arc::new(Ledger::new(Policy::default(), SystemClock::start()));
    serve(ledger, NoStore::default()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gigabyte_over_http_is_refused_early_and_costs_no_memory() {
    let _alone = ALONE.lock().await;
    let served = serve_nobody().await;
    let before = resident_bytes();
    let (peak, ()) = resident_peak(async {
        for framing in [Framing::Length, Framing::Chunks] {
            for (address, request, status) in [
                (served.rest, "PUT /api/v1/clients/a", "413 "),
                (served.rest, "PATCH /api/v1/clients/a", "413 "),
                (served.rest, "POST /api/v1/clients", "413 "),
                (served.rest, "GET /api/v1/clients/a", "404 "),
                (served.rest, "DELETE /api/v1/clients/a", "404 "),
                (served.rest, "POST /api/v1/clients/a/reset", "404 "),
                (served.rest, "GET /health", "200 "),
                (served.rest, "POST /nothing", "404 "),
                (served.metrics, "GET /metrics", "200 "),
                (served.metrics, "POST /metrics", "405 "),
                (served.metrics, "GET /health", "200 "),
            ] {
                let answer = answer(address, request, framing).await;
                let status = format!("HTTP/1.1 {status}");
                assert!(answer.starts_with(&status), "{request} {framing:?}: {answer}");
            }
        }
    })
    .await;
    let cost = peak.saturating_sub(before);
    println!("bodies of a gigabyte cost {} KiB", cost >> 10);
    assert!(cost < MEMORY_BYTES_MAX, "{cost} bytes");
}
