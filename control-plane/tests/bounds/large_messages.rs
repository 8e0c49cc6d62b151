//! A message of a gigabyte, or messages without end, to every call: refused early and not kept.

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::{BufMut as _, Bytes, BytesMut};
use flowguard::{
    ledger::{Ledger, Policy, SystemClock},
    store::NoStore,
};
use http_body_util::BodyExt as _;
use hyper::{
    Request,
    body::{Body, Frame},
    client::conn::http2,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use proto::decision::{FilterFrame, Hello};
use tokio::{net::TcpStream, time::timeout};

use crate::{
    ALONE,
    memory::{resident_bytes, resident_peak},
    served::serve,
    worker::SOON,
};

/// Codes by their numbers.
const OK: &str = "0";
const OUT_OF_RANGE: &str = "11";

const BODY_BYTES: usize = 1 << 30;
const PIECE_BYTES: usize = 64 * 1024;

/// What is in flight, and what a connection's windows let in before anybody looks.
const TAKEN_BYTES_MAX: usize = 32 << 20;

const MEMORY_BYTES_MAX: usize = 32 << 20;

/// A gigabyte that is made as it is taken: first `begin`, then one piece over and over.
struct Gigabyte {
    begin: Option<Bytes>,
    piece: Bytes,
    taken: Arc<AtomicUsize>,
}

impl Body for Gigabyte {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let bytes = self.begin.take().unwrap_or_else(|| self.piece.clone());
        let before = self.taken.fetch_add(bytes.len(), Ordering::Relaxed);
        Poll::Ready((before < BODY_BYTES).then_some(Ok(Frame::data(bytes))))
    }
}

/// A message with a length before it, as gRPC frames it.
fn message(bytes: &[u8]) -> Bytes {
    let mut message = BytesMut::new();
    message.put_u8(0);
    message.put_u32(u32::try_from(bytes.len()).expect("a short message"));
    message.put_slice(bytes);
    message.freeze()
}

/// One message that is a gigabyte long.
fn one_message() -> (Bytes, Bytes) {
    let mut head = BytesMut::new();
    head.put_u8(0);
    head.put_u32(u32::try_from(BODY_BYTES).expect("a gigabyte"));
    (head.freeze(), Bytes::from(vec![0; PIECE_BYTES]))
}

/// One short message after the other; an empty one is a request of every call.
fn many_messages() -> (Bytes, Bytes) {
    (Bytes::new(), message(&[]).repeat(PIECE_BYTES / 5).into())
}

/// The status of a call with a body of a gigabyte, and how much of it was taken.
async fn call(address: SocketAddr, path: &str, (begin, piece): (Bytes, Bytes)) -> (String, usize) {
    let stream = TcpStream::connect(address).await.expect("connected");
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("a connection");
    tokio::spawn(connection);
    let taken = Arc::new(AtomicUsize::new(0));
    let body = Gigabyte { begin: Some(begin), piece, taken: Arc::clone(&taken) };
    let request = Request::post(format!("http://{address}{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(body)
        .expect("a request");
    let answered = async {
        let (head, body) = sender.send_request(request).await.expect("answered").into_parts();
        if let Some(status) = head.headers.get("grpc-status") {
            return status.clone();
        }
        let body = body.collect().await.expect("the answer's end");
        body.trailers().and_then(|trailers| trailers.get("grpc-status")).expect("a status").clone()
    };
    let status = timeout(SOON, answered).await.expect("answered in time");
    (status.to_str().expect("text").to_owned(), taken.load(Ordering::Relaxed))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gigabyte_over_grpc_is_refused_early_and_costs_no_memory() {
    let _alone = ALONE.lock().await;
    let ledger = Arc::new(Ledger::new(Policy::default(), SystemClock::start()));
    let served = serve(ledger, NoStore::default()).await;
    let before = resident_bytes();
    let (peak, ()) = resident_peak(async {
        for path in [
            "/flowguard.FlowGuardService/SetClientConfig",
            "/flowguard.FlowGuardService/GetClientConfig",
            "/flowguard.FlowGuardService/GetClientStats",
            "/flowguard.FlowGuardService/ListClients",
            "/flowguard.FlowGuardService/DeleteClient",
            "/flowguard.FlowGuardService/ResetClient",
            "/grpc.health.v1.Health/Check",
            "/grpc.health.v1.Health/Watch",
        ] {
            let (status, taken) = call(served.grpc, path, one_message()).await;
            assert_eq!(status, OUT_OF_RANGE, "{path}");
            assert!(taken < TAKEN_BYTES_MAX, "{path}: {taken} bytes were taken");
        }
        // The library ends this stream without a word.
        let path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
        let (_, taken) = call(served.grpc, path, one_message()).await;
        assert!(taken < TAKEN_BYTES_MAX, "{path}: {taken} bytes were taken");
    })
    .await;
    let cost = peak.saturating_sub(before);
    println!("messages of a gigabyte cost {} KiB", cost >> 10);
    assert!(cost < MEMORY_BYTES_MAX, "{cost} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_without_end_to_a_call_of_one_message_are_not_read_to_the_end() {
    let _alone = ALONE.lock().await;
    let ledger = Arc::new(Ledger::new(Policy::default(), SystemClock::start()));
    let served = serve(ledger, NoStore::default()).await;
    for (path, expected) in [
        ("/flowguard.FlowGuardService/SetClientConfig", OUT_OF_RANGE),
        ("/flowguard.FlowGuardService/GetClientConfig", OUT_OF_RANGE),
        // It takes its message, and looks at nothing behind it.
        ("/flowguard.FlowGuardService/ListClients", OK),
        ("/grpc.health.v1.Health/Check", OUT_OF_RANGE),
    ] {
        let (status, taken) = call(served.grpc, path, many_messages()).await;
        assert_eq!(status, expected, "{path}");
        assert!(taken < TAKEN_BYTES_MAX, "{path}: {taken} bytes were taken");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_of_a_gigabyte_ends_its_stream_early() {
    const DECIDE: &str = "/flowguard.decision.v1.DecisionService/Decide";
    let _alone = ALONE.lock().await;
    let ledger = Arc::new(Ledger::new(Policy::default(), SystemClock::start()));
    let served = serve(ledger, NoStore::default()).await;
    let hello = Hello { protocol_version: 1, ..Hello::default() };
    let hello = FilterFrame { hello: Some(hello), ..FilterFrame::default() };
    let hello = message(&prost::Message::encode_to_vec(&hello));
    let (head, piece) = one_message();
    for begin in [head.clone(), [hello, head].concat().into()] {
        let before = resident_bytes();
        let (peak, (status, taken)) =
            resident_peak(call(served.decision, DECIDE, (begin, piece.clone()))).await;
        assert_eq!(status, OUT_OF_RANGE);
        assert!(taken < TAKEN_BYTES_MAX, "{taken} bytes were taken");
        let cost = peak.saturating_sub(before);
        assert!(cost < MEMORY_BYTES_MAX, "{cost} bytes");
    }
}
