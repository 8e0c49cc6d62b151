//! Many clients, and readers of lists that do not read: what they cost in memory, and in the time
//! that decisions take meanwhile.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use flowguard::{
    clients::{ClientConfig, Limits},
    ledger::{Ledger, Policy, SystemClock, UnknownClients},
    store::NoStore,
};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, body::Incoming, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use limiter::{ClientId, PerMinute};
use tokio::{net::TcpStream, task::JoinSet, time::timeout};

use crate::{
    ALONE,
    http1::get,
    memory::{resident_bytes, resident_peak},
    served::{Served, serve},
    worker::Worker,
};

/// What readers may cost, whatever they do not read.
const MEMORY_BYTES_MAX: usize = 100 * 1024 * 1024;

const READERS: usize = 64;

/// A control plane of so many clients, with ids that are `id_len` long.
async fn serve_clients(clients: usize, id_len: usize) -> Served {
    let policy = Policy { unknown_clients: UnknownClients::Deny, ..Policy::default() };
    let ledger = Arc::new(Ledger::new(policy, SystemClock::start()));
    for n in 0..clients {
        let id = ClientId::try_from(format!("{n:0>id_len$}").as_str()).expect("an id");
        let limits = Limits { rpm: PerMinute::new(60).ok(), tpm: PerMinute::new(1_000_000).ok() };
        let config = ClientConfig::new(id, limits);
        ledger.configure(&config);
    }
    serve(ledger, NoStore::default()).await
}

/// Begins a call, with a window as small as a peer can make it, and never reads.
async fn ask_by_grpc(address: SocketAddr, method: &str) -> Option<Incoming> {
    let stream = TcpStream::connect(address).await.expect("connected");
    let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(1)
        .handshake(TokioIo::new(stream))
        .await
        .expect("a connection");
    tokio::spawn(connection);
    let empty_message = Bytes::from_static(&[0; 5]);
    let request = Request::post(format!("http://{address}/flowguard.FlowGuardService/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(empty_message));
    // Those that come when all places in memory are taken wait for their answer to begin.
    let response = sender.send_request(request.expect("a request")).await;
    response.ok().map(hyper::Response::into_body)
}

fn unread(served: &Served) -> JoinSet<Option<Incoming>> {
    let mut readers = JoinSet::new();
    let (rest, metrics, grpc) = (served.rest, served.metrics, served.grpc);
    for reader in 0..READERS {
        readers.spawn(async move {
            let body = match reader % 8 {
                0 => Some(get(rest, "/api/v1/clients").await),
                1 => Some(get(rest, "/api/v1/backup").await),
                2 => Some(get(rest, "/api/v1/stats").await),
                3 => Some(get(metrics, "/metrics").await),
                4 => ask_by_grpc(grpc, "Backup").await,
                _ => ask_by_grpc(grpc, "ListClients").await,
            };
            // Held until the test ends the reader.
            let _unread = body;
            std::future::pending().await
        });
    }
    readers
}

async fn read_whole(served: &Served) -> usize {
    let mut body = get(served.rest, "/api/v1/clients").await;
    let mut len = 0;
    while let Some(frame) = body.frame().await {
        len += frame.expect("whole").into_data().map_or(0, |data| data.len());
    }
    len
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_do_not_read_cost_nearly_no_memory_and_keep_nobody_waiting() {
    const CLIENTS: usize = 50_000;
    let _alone = ALONE.lock().await;
    let served = serve_clients(CLIENTS, 128).await;
    let before = resident_bytes();
    let (peak, read) = resident_peak(async {
        let mut readers = unread(&served);
        let read = timeout(Duration::from_mins(1), read_whole(&served)).await;
        readers.abort_all();
        read.expect("not kept waiting")
    })
    .await;
    assert!(read > CLIENTS * 256, "{read} bytes");
    let cost = peak.saturating_sub(before);
    println!("{READERS} readers of {CLIENTS} clients cost {} MiB", cost >> 20);
    assert!(cost < MEMORY_BYTES_MAX, "{cost} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute"]
async fn a_million_clients_and_readers_that_do_not_read_cost_decisions_no_time() {
    // A build without optimization needs as long for a fifth of them.
    const CLIENTS: usize = if cfg!(debug_assertions) { 200_000 } else { 1_000_000 };
    const ROUNDS: usize = 5;
    const ROUND: Duration = Duration::from_secs(4);
    let _alone = ALONE.lock().await;
    let served = serve_clients(CLIENTS, 16).await;
    let mut worker = Worker::open(served.decision).await;
    let client = format!("{:0>16}", CLIENTS / 2);
    // Once, so that what the memory's allocator keeps is not counted as the readers'.
    read_whole(&served).await;
    let before = resident_bytes();
    let (mut alone, mut beside, mut cost) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        alone.push(worker.p999(&client, ROUND).await);
        let (peak, p999) = resident_peak(async {
            let mut readers = unread(&served);
            let p999 = worker.p999(&client, ROUND).await;
            readers.abort_all();
            p999
        })
        .await;
        beside.push(p999);
        cost = cost.max(peak.saturating_sub(before));
    }
    println!("p99.9 alone {alone:?}, beside the readers {beside:?}; {} MiB more", cost >> 20);
    alone.sort_unstable();
    beside.sort_unstable();
    let (alone, beside) = (alone[ROUNDS / 2], beside[ROUNDS / 2]);
    assert!(cost < MEMORY_BYTES_MAX, "{cost} bytes");
    assert!(beside <= alone + Duration::from_millis(20), "{alone:?} alone, {beside:?} beside");
}
