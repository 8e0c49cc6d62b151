//! The decision stream over a real connection, and a worker's session by itself.

use std::{sync::Arc, time::Duration};

use flowguard::{
    clock::Clock,
    decisions::{self, Session, StreamMetrics},
    ledger::{ClientConfig, ClientSnapshot, Ledger},
    settings::UnknownClients,
};
use limiter::{ClientId, Limit, Limits, Units, UnixMillis};
use prometheus::Registry;
use proto::decision::{
    Ask, Balance, ControlFrame, Decision, FilterFrame, Hello, Outcome, Settle, UsageSource,
    decision_service_client::DecisionServiceClient,
};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Streaming, transport::Channel};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const SOON: Duration = Duration::from_secs(10);

fn ledger(now: UnixMillis) -> Arc<Ledger> {
    let ledger = Ledger::new(UnknownClients::Deny, now);
    let limits = Limits { rpm: Limit::new(2).ok(), tpm: Limit::new(100).ok() };
    let id = ClientId::try_from("client").unwrap();
    ledger.configure(&ClientConfig { id, limits, enabled: true }, now);
    Arc::new(ledger)
}

fn hello() -> Hello {
    Hello { protocol_version: 1, node: "test".into() }
}

fn ask(id: u32, client_id: &str, tokens: u64) -> Ask {
    Ask { id, client_id: client_id.into(), tokens: Some(tokens) }
}

fn asks(asks: &[Ask]) -> FilterFrame {
    FilterFrame { asks: asks.to_vec(), ..FilterFrame::default() }
}

fn decisions_of(frame: &ControlFrame) -> Vec<(u32, Decision, u64)> {
    frame.verdicts.iter().map(|v| (v.id, v.decision(), v.retry_after_ms)).collect()
}

fn session(ledger: &Arc<Ledger>) -> Session {
    let metrics = StreamMetrics::register(&Registry::new()).unwrap();
    Session::start(Some(&hello()), Arc::clone(ledger), metrics).unwrap()
}

fn snapshot(ledger: &Ledger) -> ClientSnapshot {
    ledger.snapshot("client", NOW).unwrap()
}

#[test]
fn every_ask_has_one_verdict_in_order() {
    let mut session = session(&ledger(NOW));
    let frame = asks(&[
        ask(1, "client", 60),
        ask(2, "client", 60),
        ask(3, "nobody", 1),
        ask(4, "client", 101),
        ask(5, "client", 0),
        ask(6, "client", 0),
    ]);
    let answer = session.answer(frame, NOW).unwrap().unwrap();
    assert_eq!(
        decisions_of(&answer),
        [
            (1, Decision::Admitted, 0),
            // 20 tokens are missing, 100 a minute come back: 12 s.
            (2, Decision::TpmExceeded, 12_000),
            (3, Decision::UnknownClient, 0),
            (4, Decision::TpmExceeded, 0),
            (5, Decision::Admitted, 0),
            (6, Decision::RpmExceeded, 30_000),
        ]
    );
}

#[test]
fn the_first_answer_welcomes_and_a_report_has_no_answer() {
    let ledger = ledger(NOW);
    let mut session = session(&ledger);
    let hello = FilterFrame { hello: Some(hello()), ..FilterFrame::default() };
    assert!(session.answer(hello, NOW).unwrap().unwrap().welcome.is_some());
    assert!(session.answer(asks(&[ask(1, "client", 1)]), NOW).unwrap().unwrap().welcome.is_none());

    let settle = Settle {
        id: 1,
        outcome: Outcome::Completed.into(),
        duration_us: 2_000,
        ..Settle::default()
    };
    let report = FilterFrame { settles: vec![settle, settle], ..FilterFrame::default() };
    assert_eq!(session.answer(report, NOW).unwrap(), None);
    assert_eq!(snapshot(&ledger).durations.count(), 1, "settled twice is settled once");
}

#[test]
fn a_cancel_in_the_same_frame_as_its_ask_gives_the_charge_back() {
    let ledger = ledger(NOW);
    let mut session = session(&ledger);
    let frame = FilterFrame { cancels: vec![1, 1, 7], ..asks(&[ask(1, "client", 100)]) };
    session.answer(frame, NOW).unwrap();
    let left = snapshot(&ledger);
    assert_eq!(left.tokens_left.unwrap().whole(), 100);
    assert_eq!(left.requests_left.unwrap().whole(), 2);
}

#[test]
fn what_a_session_holds_stays_charged_when_it_ends() {
    let ledger = ledger(NOW);
    let mut session = session(&ledger);
    session.answer(asks(&[ask(1, "client", 100)]), NOW).unwrap();
    drop(session);
    assert_eq!(snapshot(&ledger).tokens_left.unwrap().whole(), 0);
    assert_eq!(snapshot(&ledger).tokens_used, 100, "and counts as used");
}

#[test]
fn a_verdict_tells_what_is_left_and_when_all_of_it_is_back() {
    let mut session = session(&ledger(NOW));
    let frame = asks(&[ask(1, "client", 60), ask(2, "client", 60), ask(3, "nobody", 1)]);
    let verdicts = session.answer(frame, NOW).unwrap().unwrap().verdicts;
    let requests = Balance { limit: 2, remaining: 1, full_in_ms: 30_000 };
    let tokens = Balance { limit: 100, remaining: 40, full_in_ms: 36_000 };
    for verdict in &verdicts[..2] {
        assert_eq!((verdict.requests, verdict.tokens), (Some(requests), Some(tokens)));
        assert_eq!(verdict.reserved_tokens, 60);
    }
    assert_eq!((verdicts[2].requests, verdicts[2].tokens), (None, None));
}

#[test]
fn a_settle_gives_back_or_charges_further_once() {
    for (used_tokens, left) in [(20, 80), (100, 0), (150, -50), (u64::MAX, -1_000)] {
        let ledger = ledger(NOW);
        let mut session = session(&ledger);
        session.answer(asks(&[ask(1, "client", 60)]), NOW).unwrap();
        let settle = Settle {
            id: 1,
            outcome: Outcome::Completed.into(),
            duration_us: 1,
            usage: UsageSource::Anthropic.into(),
            used_tokens,
        };
        let frame = FilterFrame { settles: vec![settle, settle], ..FilterFrame::default() };
        session.answer(frame, NOW).unwrap();
        let left_units = snapshot(&ledger).tokens_left;
        assert_eq!(left_units, Some(Units(left * Units::ONE.0)), "{used_tokens} used");
    }
}

#[test]
fn a_figure_without_a_source_is_not_believed() {
    for usage in [UsageSource::None as i32, UsageSource::Encoded as i32, 77] {
        let ledger = ledger(NOW);
        let mut session = session(&ledger);
        session.answer(asks(&[ask(1, "client", 60)]), NOW).unwrap();
        let outcome = Outcome::Completed.into();
        let settle = Settle { id: 1, outcome, duration_us: 1, usage, used_tokens: 5 };
        let frame = FilterFrame { settles: vec![settle], ..FilterFrame::default() };
        session.answer(frame, NOW).unwrap();
        assert_eq!(snapshot(&ledger).tokens_left.unwrap().whole(), 40);
    }
}

#[test]
fn an_ask_out_of_range_is_refused_with_its_number() {
    let status =
        session(&ledger(NOW)).answer(asks(&[ask(9, "client", u64::MAX)]), NOW).unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("ask 9"), "{}", status.message());
}

/// A filter's end of a real stream, and the server's task.
struct Worker {
    frames: mpsc::Sender<FilterFrame>,
    answers: Streaming<ControlFrame>,
    shutdown: CancellationToken,
    server: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Worker {
    async fn connect(first: FilterFrame) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let clock = Clock::start();
        let metrics = StreamMetrics::register(&Registry::new()).unwrap();
        let server = tokio::spawn(decisions::serve(
            listener,
            ledger(clock.now()),
            clock,
            metrics,
            shutdown.clone(),
        ));
        let channel =
            Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        let (frames, outbound) = mpsc::channel(8);
        frames.send(first).await.unwrap();
        let mut client = DecisionServiceClient::new(channel);
        let answers = client.decide(ReceiverStream::new(outbound)).await.unwrap().into_inner();
        Self { frames, answers, shutdown, server }
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
    assert_eq!(answer.welcome.unwrap().protocol_version, 1);
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

#[tokio::test]
async fn a_filter_of_another_version_is_refused_with_the_way_out() {
    let hello = Some(Hello { protocol_version: 2, node: String::new() });
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
    let clock = Clock::start();
    let metrics = StreamMetrics::register(&Registry::new()).unwrap();
    let shutdown = CancellationToken::new();
    tokio::spawn(decisions::serve(listener, ledger(clock.now()), clock, metrics, shutdown));

    let mut silent = TcpStream::connect(address).await.unwrap();
    let started = Instant::now();
    let mut read = Vec::new();
    let end = timeout(Duration::from_mins(2), silent.read_to_end(&mut read)).await;
    assert!(end.is_ok(), "still open after 120 s");
    assert!(started.elapsed() >= Duration::from_secs(30), "{:?}", started.elapsed());
}
