//! Many clients, and readers of lists that do not read: what they cost in memory, and in the time
//! that decisions take meanwhile. A program of its own, because it looks at its own memory.

use std::{fs, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use flowguard::{
    clients::{ClientConfig, Limits},
    decisions::{self, StreamMetrics},
    health::Health,
    http::{self, Access},
    ledger::{Ledger, Policy, SystemClock, UnknownClients},
    metrics,
    operator::{Operator, grpc, rest},
    store::NoStore,
};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request,
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use limiter::{ClientId, PerMinute};
use proto::decision::{
    Ask, ControlFrame, FilterFrame, Hello, decision_service_client::DecisionServiceClient,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Mutex, mpsc},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Streaming, transport::Channel};

/// What readers may cost, whatever they do not read.
const MEMORY_BYTES_MAX: usize = 100 * 1024 * 1024;

const READERS: usize = 64;

/// One test at a time: the memory is the whole process's.
static ALONE: Mutex<()> = Mutex::const_new(());

#[derive(Clone, Copy)]
struct Ports {
    rest: SocketAddr,
    metrics: SocketAddr,
    grpc: SocketAddr,
    decision: SocketAddr,
}

async fn bound() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// A control plane of so many clients, with ids that are `id_len` long.
async fn serve(clients: usize, id_len: usize) -> Ports {
    let policy = Policy { unknown_clients: UnknownClients::Deny, ..Policy::default() };
    let ledger = Arc::new(Ledger::new(policy, SystemClock::start()));
    for n in 0..clients {
        let id = ClientId::try_from(format!("{n:0>id_len$}").as_str()).expect("an id");
        let limits = Limits { rpm: PerMinute::new(60).ok(), tpm: PerMinute::new(1_000_000).ok() };
        let config = ClientConfig { id, limits, enabled: true, min_estimate: None };
        ledger.configure(&config);
    }
    let store = Box::new(NoStore::default());
    let operator = Arc::new(Operator::new(Arc::clone(&ledger), store));
    let access = Access::default();
    let registry = metrics::registry().expect("metrics");
    let stream_metrics = StreamMetrics::register(&registry).expect("metrics");
    let shutdown = CancellationToken::new();

    let (listener, rest) = bound().await;
    let router = rest::router(Arc::clone(&operator), Health::ready(), &access);
    tokio::spawn(http::serve(listener, router, shutdown.clone()));
    let (listener, metrics) = bound().await;
    let router = metrics::router(Arc::clone(&ledger), registry, Health::ready(), &access);
    tokio::spawn(http::serve(listener, router, shutdown.clone()));
    let (listener, grpc) = bound().await;
    tokio::spawn(grpc::serve(listener, operator, Health::ready(), shutdown.clone()));
    let (listener, decision) = bound().await;
    tokio::spawn(decisions::serve(listener, ledger, stream_metrics, shutdown));
    Ports { rest, metrics, grpc, decision }
}

fn memory_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("this process's status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    let kib = line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number");
    kib * 1024
}

async fn get(address: SocketAddr, path: &str) -> Incoming {
    let stream = TcpStream::connect(address).await.expect("connected");
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.expect("a connection");
    tokio::spawn(connection);
    let request = Request::get(path).header("host", "localhost").body(Full::<Bytes>::default());
    let response = sender.send_request(request.expect("a request")).await.expect("answered");
    assert_eq!(response.status(), 200, "{path}");
    response.into_body()
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

fn unread(ports: Ports) -> JoinSet<Option<Incoming>> {
    let mut readers = JoinSet::new();
    for reader in 0..READERS {
        readers.spawn(async move {
            let body = match reader % 8 {
                0 => Some(get(ports.rest, "/api/v1/clients").await),
                1 => Some(get(ports.rest, "/api/v1/backup").await),
                2 => Some(get(ports.rest, "/api/v1/stats").await),
                3 => Some(get(ports.metrics, "/metrics").await),
                4 => ask_by_grpc(ports.grpc, "Backup").await,
                _ => ask_by_grpc(ports.grpc, "ListClients").await,
            };
            // Held until the test ends the reader.
            let _unread = body;
            std::future::pending().await
        });
    }
    readers
}

/// A worker's stream.
struct Stream {
    frames: mpsc::Sender<FilterFrame>,
    answers: Streaming<ControlFrame>,
    next_id: u32,
}

impl Stream {
    async fn open(address: SocketAddr) -> Self {
        let channel = Channel::from_shared(format!("http://{address}")).expect("a URI");
        let channel = channel.connect().await.expect("connected");
        let (frames, outbound) = mpsc::channel(1);
        let hello = Hello { protocol_version: 1, ..Hello::default() };
        let hello = FilterFrame { hello: Some(hello), ..FilterFrame::default() };
        frames.send(hello).await.expect("the stream is open");
        let mut client = DecisionServiceClient::new(channel);
        let answers = client.decide(ReceiverStream::new(outbound)).await.expect("open");
        let mut stream = Self { frames, answers: answers.into_inner(), next_id: 0 };
        stream.answers.message().await.expect("a frame").expect("welcomed");
        stream
    }

    async fn decide(&mut self, client: &str) -> Duration {
        self.next_id += 1;
        let ask = Ask { id: self.next_id, client_id: client.to_owned(), ..Ask::default() };
        let frame =
            FilterFrame { asks: vec![ask], cancels: vec![self.next_id - 1], ..Default::default() };
        let asked = Instant::now();
        self.frames.send(frame).await.expect("the stream is open");
        self.answers.message().await.expect("a frame").expect("answered");
        asked.elapsed()
    }

    /// The 99.9th percentile of what decisions take, one after the other for so long.
    async fn p999(&mut self, client: &str, duration: Duration) -> Duration {
        let end = Instant::now() + duration;
        let mut took = Vec::new();
        while Instant::now() < end {
            took.push(self.decide(client).await);
        }
        took.sort_unstable();
        took[took.len() * 999 / 1_000]
    }
}

/// The most memory that this process has while `work` goes on.
#[expect(clippy::disallowed_methods, reason = "samples at intervals")]
async fn memory_peak<T>(work: impl Future<Output = T>) -> (usize, T) {
    tokio::pin!(work);
    let mut peak = memory_bytes();
    loop {
        tokio::select! {
            done = &mut work => return (peak.max(memory_bytes()), done),
            () = sleep(Duration::from_millis(5)) => peak = peak.max(memory_bytes()),
        }
    }
}

async fn read_whole(ports: Ports) -> usize {
    let mut body = get(ports.rest, "/api/v1/clients").await;
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
    let ports = serve(CLIENTS, 128).await;
    let before = memory_bytes();
    let (peak, read) = memory_peak(async {
        let mut readers = unread(ports);
        let read = timeout(Duration::from_mins(1), read_whole(ports)).await;
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
    let ports = serve(CLIENTS, 16).await;
    let mut stream = Stream::open(ports.decision).await;
    let client = format!("{:0>16}", CLIENTS / 2);
    // Once, so that what the memory's allocator keeps is not counted as the readers'.
    read_whole(ports).await;
    let before = memory_bytes();
    let (mut alone, mut beside, mut cost) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        alone.push(stream.p999(&client, ROUND).await);
        let (peak, p999) = memory_peak(async {
            let mut readers = unread(ports);
            let p999 = stream.p999(&client, ROUND).await;
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
