//! The stream over a real connection.

use std::{
    future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use flowguard::{
    auth::Lock,
    decisions::{self, StreamMetrics},
    ledger::SystemClock,
};
use prometheus::Registry;
use proto::decision::{
    ControlFrame, Decision, FilterFrame, Hello, decision_service_client::DecisionServiceClient,
};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::{JoinHandle, JoinSet},
    time::{Instant, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Streaming, transport::Channel};

use crate::world::{ask, asks, decisions_of, hello, ledger};

const SOON: Duration = Duration::from_secs(10);

pub(crate) async fn open_stream(
    address: SocketAddr,
    first: FilterFrame,
) -> (mpsc::Sender<FilterFrame>, Streaming<ControlFrame>) {
    let channel =
        Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let (frames, outbound) = mpsc::channel(8);
    frames.send(first).await.unwrap();
    let mut client = DecisionServiceClient::new(channel);
    let answers = client.decide(ReceiverStream::new(outbound)).await.unwrap().into_inner();
    (frames, answers)
}

/// A filter's end of a real stream, and the server's task.
struct Worker {
    frames: mpsc::Sender<FilterFrame>,
    answers: Streaming<ControlFrame>,
    shutdown: CancellationToken,
    address: SocketAddr,
    server: JoinHandle<Result<(), decisions::ServeError>>,
}

impl Worker {
    async fn connect(first: FilterFrame) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let metrics = StreamMetrics::register(&Registry::new()).unwrap();
        let server = tokio::spawn(decisions::serve_on_own_thread(
            listener,
            ledger(SystemClock::start()),
            metrics,
            Lock::open(),
            future::ready(()),
            shutdown.clone(),
        ));
        let (frames, answers) = open_stream(address, first).await;
        Self { frames, answers, shutdown, address, server }
    }

    async fn answer(&mut self) -> Result<Option<ControlFrame>, tonic::Status> {
        timeout(SOON, self.answers.message()).await.expect("an answer within 10 s")
    }
}

#[tokio::test]
async fn a_stream_answers_frame_by_frame_and_ends_when_the_server_stops() {
    let first = FilterFrame { hello: Some(hello()), ..asks(&[ask(1, "client", 1)]) };
    let mut worker = Worker::connect(first).await;
    let answer = worker.answer().await.unwrap().unwrap();
    assert_eq!(answer.welcome.as_ref().unwrap().protocol_version, 1);
    assert_eq!(decisions_of(&answer), [(1, Decision::Admitted, 0)]);

    worker.frames.send(asks(&[ask(2, "client", 1), ask(3, "nobody", 1)])).await.unwrap();
    let answer = worker.answer().await.unwrap().unwrap();
    assert_eq!(
        decisions_of(&answer),
        [(2, Decision::Admitted, 0), (3, Decision::UnknownClient, 0)]
    );

    worker.shutdown.cancel();
    assert_eq!(worker.answer().await.unwrap(), None);
    drop(worker.answers);
    drop(worker.frames);
    timeout(SOON, worker.server).await.expect("the server ends").unwrap().unwrap();
}

/// Who does not wait for answers has one frame decided, and then everybody else has.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_does_not_wait_for_answers_locks_nobody_out() {
    let first = FilterFrame { hello: Some(hello()), ..FilterFrame::default() };
    let mut attacker = Worker::connect(first.clone()).await;
    attacker.answer().await.unwrap();
    let (frames, mut answers) = (attacker.frames.clone(), attacker.answers);
    let mut flood = JoinSet::new();
    flood.spawn(async move {
        let frame = asks(&(0..64).map(|id| ask(id, "client", 0)).collect::<Vec<_>>());
        while frames.send(frame.clone()).await.is_ok() {}
    });
    let answered = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&answered);
    flood.spawn(async move {
        while let Ok(Some(_)) = answers.message().await {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });

    let (honest, mut answers) = open_stream(attacker.address, first).await;
    assert!(timeout(SOON, answers.message()).await.unwrap().unwrap().unwrap().welcome.is_some());
    let before = answered.load(Ordering::Relaxed);
    for id in 0..100 {
        honest.send(asks(&[ask(id, "nobody", 1)])).await.unwrap();
        let answer = timeout(SOON, answers.message()).await.unwrap().unwrap().unwrap();
        assert_eq!(decisions_of(&answer), [(id, Decision::UnknownClient, 0)]);
    }
    let meanwhile = answered.load(Ordering::Relaxed) - before;
    println!("{meanwhile} frames of the attacker's were decided during 100 of the other's");
    assert!(meanwhile < 2_000, "{meanwhile} frames of the attacker's in 100 of the other's");
}

#[tokio::test]
async fn a_filter_of_another_version_is_refused_with_the_way_out() {
    let hello = Some(Hello { protocol_version: 2, ..Hello::default() });
    let mut worker = Worker::connect(FilterFrame { hello, ..FilterFrame::default() }).await;
    let status = worker.answer().await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("same release"), "{}", status.message());
}

#[tokio::test]
async fn a_stream_that_does_not_say_hello_is_refused() {
    let mut worker = Worker::connect(asks(&[ask(1, "client", 1)])).await;
    assert_eq!(worker.answer().await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_frame_that_is_too_large_is_refused_and_the_peer_told() {
    let first = FilterFrame { hello: Some(hello()), ..FilterFrame::default() };
    let mut worker = Worker::connect(first).await;
    assert!(worker.answer().await.unwrap().unwrap().welcome.is_some());
    worker.frames.send(asks(&[ask(1, &"a".repeat(2 << 20), 1)])).await.unwrap();
    let status = worker.answer().await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{}", status.message());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let metrics = StreamMetrics::register(&Registry::new()).unwrap();
    let shutdown = CancellationToken::new();
    let ledger = ledger(SystemClock::start());
    tokio::spawn(decisions::serve(listener, ledger, metrics, Lock::open(), shutdown));

    let mut silent = TcpStream::connect(address).await.unwrap();
    let started = Instant::now();
    let mut read = Vec::new();
    let end = timeout(Duration::from_mins(2), silent.read_to_end(&mut read)).await;
    assert!(end.is_ok(), "still open after 120 s");
    let took = started.elapsed().as_secs();
    assert!((15..=16).contains(&took), "{took} s");
}
