//! The decision stream over a real connection, and a worker's session by itself.

mod frames_fuzz;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use flowguard::{
    clients::{ClientConfig, Limits},
    decisions::{self, HeldInAll, StreamMetrics},
    ledger::{
        Clock, Ledger, ManualClock, Policy, RecordSnapshot, SystemClock, UnknownClients, WorkerId,
    },
};
use futures_util::FutureExt as _;
use limiter::{ClientId, PerMinute, UnixMillis};
use prometheus::Registry;
use proto::decision::{
    Ask, Balance, ControlFrame, Decision, Drop, FilterFrame, Hello, Outcome, Settle, UsageSource,
    Verdict, decision_service_client::DecisionServiceClient, verdict::Wait,
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
use tonic::{Code, Status, Streaming, transport::Channel};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const SOON: Duration = Duration::from_secs(10);

fn ledger(clock: impl Into<Clock>) -> Arc<Ledger> {
    let policy = Policy { unknown_clients: UnknownClients::Deny, ..Policy::default() };
    let ledger = Ledger::new(policy, clock);
    let limits = Limits { rpm: PerMinute::new(2).ok(), tpm: PerMinute::new(100).ok() };
    let id = ClientId::try_from("client").unwrap();
    ledger.configure(&ClientConfig { id, limits, enabled: true, min_estimate: None });
    Arc::new(ledger)
}

/// A worker's session without its stream, and the ledger behind it, whose clock stands still.
struct Session {
    session: decisions::Session,
    ledger: Arc<Ledger>,
}

impl Session {
    fn new() -> Self {
        Self::start(&hello()).unwrap()
    }

    fn start(hello: &Hello) -> Result<Self, Status> {
        let ledger = ledger(ManualClock::at(NOW));
        let metrics = StreamMetrics::register(&Registry::new()).unwrap();
        let session = decisions::Session::start(
            Some(hello),
            WorkerId(0),
            Arc::clone(&ledger),
            metrics,
            HeldInAll::default(),
        )?;
        Ok(Self { session, ledger })
    }

    fn answer(&mut self, frame: FilterFrame) -> Result<Option<ControlFrame>, Status> {
        self.session.answer(frame).now_or_never().expect("local balances are ready at once")
    }

    /// What is left of the client's requests and tokens, in whole ones.
    fn left(&self) -> (i64, i64) {
        let standing = self.ledger.snapshot("client").unwrap().standing;
        (standing.requests.unwrap().whole(), standing.tokens.unwrap().whole())
    }

    fn record(&self) -> RecordSnapshot {
        self.ledger.snapshot("client").unwrap().record
    }
}

fn hello() -> Hello {
    Hello { protocol_version: 1, node: "test".into() }
}

fn ask(id: u32, client_id: &str, tokens: u64) -> Ask {
    Ask { id, client_id: client_id.into(), tokens: Some(tokens), ..Ask::default() }
}

fn asks(asks: &[Ask]) -> FilterFrame {
    FilterFrame { asks: asks.to_vec(), ..FilterFrame::default() }
}

const NEVER: u64 = u64::MAX;

/// 0 for an admission.
fn wait_ms(verdict: &Verdict) -> u64 {
    match verdict.wait {
        None => 0,
        Some(Wait::RetryAfterMs(wait_ms)) => wait_ms,
        Some(Wait::Never(_)) => NEVER,
    }
}

fn decisions_of(frame: &ControlFrame) -> Vec<(u32, Decision, u64)> {
    frame.verdicts.iter().map(|v| (v.id, v.decision(), wait_ms(v))).collect()
}

#[test]
fn every_ask_has_one_verdict_in_order() {
    let mut session = Session::new();
    let frame = asks(&[
        ask(1, "client", 60),
        ask(2, "client", 60),
        ask(3, "nobody", 1),
        ask(4, "client", 101),
        ask(5, "client", 0),
        ask(6, "client", 0),
    ]);
    let answer = session.answer(frame).unwrap().unwrap();
    assert_eq!(
        decisions_of(&answer),
        [
            (1, Decision::Admitted, 0),
            // 20 tokens are missing, 100 a minute come back: 12 s.
            (2, Decision::TpmExceeded, 12_000),
            (3, Decision::UnknownClient, 0),
            (4, Decision::TpmExceeded, NEVER),
            (5, Decision::Admitted, 0),
            (6, Decision::RpmExceeded, 30_000),
        ]
    );
}

#[test]
fn the_first_answer_welcomes_and_a_report_has_no_answer() {
    let mut session = Session::new();
    let hello = FilterFrame { hello: Some(hello()), ..FilterFrame::default() };
    assert!(session.answer(hello).unwrap().unwrap().welcome.is_some());
    assert!(session.answer(asks(&[ask(1, "client", 1)])).unwrap().unwrap().welcome.is_none());

    let settle = Settle {
        id: 1,
        outcome: Outcome::Completed.into(),
        duration_us: 2_000,
        ..Settle::default()
    };
    let report = FilterFrame { settles: vec![settle, settle], ..FilterFrame::default() };
    assert_eq!(session.answer(report).unwrap(), None);
    assert_eq!(session.record().durations.count(), 1, "settled twice is settled once");
}

#[test]
fn a_cancel_gives_the_charge_back_once() {
    let mut session = Session::new();
    session.answer(asks(&[ask(1, "client", 100)])).unwrap();
    let cancels = FilterFrame { cancels: vec![1, 1, 7], ..FilterFrame::default() };
    session.answer(cancels).unwrap();
    assert_eq!(session.left(), (2, 100));
}

#[test]
fn what_a_frame_gives_back_is_there_for_what_it_asks() {
    let mut session = Session::new();
    session.answer(asks(&[ask(1, "client", 60)])).unwrap();
    let settle = completed(1, 14);
    let frame = FilterFrame { settles: vec![settle], ..asks(&[ask(2, "client", 60)]) };
    let answer = session.answer(frame).unwrap().unwrap();
    assert_eq!(decisions_of(&answer), [(2, Decision::Admitted, 0)]);
}

/// A response that ended as it should, and told what it used.
fn completed(id: u32, used_tokens: u64) -> Settle {
    Settle {
        id,
        outcome: Outcome::Completed.into(),
        duration_us: 1,
        usage: UsageSource::Completions.into(),
        used_tokens: Some(used_tokens),
        ..Settle::default()
    }
}

#[test]
fn a_verdict_says_when_the_same_request_would_have_to_wait_for_this_ones_end() {
    for (tokens, at_once) in [(0, false), (50, false), (51, true), (100, true)] {
        let mut session = Session::new();
        let answer = session.answer(asks(&[ask(1, "client", tokens)])).unwrap().unwrap();
        assert_eq!(answer.verdicts[0].settle_at_once, at_once, "{tokens} of 100");
    }
}

#[test]
fn a_frame_with_more_than_it_may_have_is_refused_before_anything_of_it_is_charged() {
    let too_many_asks: Vec<_> = (0..65).map(|id| ask(id, "client", 1)).collect();
    let too_many_reports = FilterFrame {
        settles: vec![completed(1, 1); 1_000],
        cancels: vec![1; 24],
        drops: vec![drop_of("client", 1)],
        ..asks(&[ask(1, "client", 1)])
    };
    let wrong_last = asks(&[ask(1, "client", 1), ask(2, "client", u64::MAX)]);
    let wrong_drop = FilterFrame {
        drops: vec![Drop { decision: Decision::Admitted.into(), ..drop_of("client", 1) }],
        ..asks(&[ask(1, "client", 1)])
    };
    let drops_beyond_what_can_be =
        FilterFrame { drops: vec![drop_of("client", u32::MAX)], ..asks(&[ask(1, "client", 1)]) };
    let wrong = [asks(&too_many_asks), too_many_reports, wrong_last, wrong_drop];
    for frame in wrong.into_iter().chain([drops_beyond_what_can_be]) {
        let mut session = Session::new();
        let status = session.answer(frame).unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{}", status.message());
        assert_eq!(session.record().admitted, 0, "{}", status.message());
    }
}

fn drop_of(client_id: &str, requests: u32) -> Drop {
    Drop { client_id: client_id.into(), decision: Decision::TpmExceeded.into(), requests }
}

#[test]
fn requests_that_the_filter_dropped_are_counted_as_the_clients() {
    let mut session = Session::new();
    let frame = FilterFrame {
        drops: vec![drop_of("client", 7), drop_of("nobody", 3)],
        ..FilterFrame::default()
    };
    assert_eq!(session.answer(frame).unwrap().map(|answer| answer.verdicts.len()), Some(0));
    let after = session.record();
    assert_eq!((after.tpm_dropped, after.rpm_dropped, after.admitted), (7, 0, 0));
    assert_eq!(session.left(), (2, 100));
}

#[test]
fn figures_beyond_what_can_be_spoil_no_counter() {
    let mut session = Session::new();
    session.answer(asks(&[ask(1, "client", 60)])).unwrap();
    let settle =
        Settle { duration_us: u64::MAX, observed_tokens: u64::MAX, ..completed(1, u64::MAX) };
    let frame = FilterFrame { settles: vec![settle], ..FilterFrame::default() };
    session.answer(frame).unwrap();
    let after = session.record();
    assert_eq!(after.tokens_used, 60, "it told no usage: its estimate");
    assert_eq!(after.durations.count(), 0);
}

#[test]
fn hello_is_said_once() {
    let mut session = Session::new();
    let frame = FilterFrame { hello: Some(hello()), ..FilterFrame::default() };
    assert!(session.answer(frame.clone()).unwrap().is_some());
    assert_eq!(session.answer(frame).unwrap_err().code(), Code::InvalidArgument);
}

#[test]
fn a_node_with_a_name_that_would_fill_the_log_is_refused() {
    let hello = Hello { node: "a".repeat(900_000), ..hello() };
    let refused = Session::start(&hello).err().expect("refused");
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[test]
fn what_a_session_holds_stays_charged_when_it_ends() {
    let mut session = Session::new();
    session.answer(asks(&[ask(1, "client", 100)])).unwrap();
    let Session { session, ledger } = session;
    session.close().now_or_never().expect("local balances are ready at once");
    let after = ledger.snapshot("client").unwrap();
    assert_eq!(after.standing.tokens.unwrap().whole(), 0);
    assert_eq!(after.record.tokens_used, 100, "and counts as used");
}

#[test]
fn a_verdict_tells_what_is_left_and_when_all_of_it_is_back() {
    let mut session = Session::new();
    let frame = asks(&[ask(1, "client", 60), ask(2, "client", 60), ask(3, "nobody", 1)]);
    let verdicts = session.answer(frame).unwrap().unwrap().verdicts;
    let requests = Balance { limit: 2, remaining: 1, full_in_ms: 30_000, used: 1 };
    let tokens = Balance { limit: 100, remaining: 40, full_in_ms: 36_000, used: 60 };
    for verdict in &verdicts[..2] {
        assert_eq!((verdict.requests, verdict.tokens), (Some(requests), Some(tokens)));
        assert_eq!(verdict.reserved_tokens, 60);
    }
    assert_eq!((verdicts[2].requests, verdicts[2].tokens), (None, None));
}

#[test]
fn a_client_in_debt_has_used_more_than_its_limit() {
    let mut session = Session::new();
    session.answer(asks(&[ask(1, "client", 60)])).unwrap();
    let settle = Settle {
        id: 1,
        outcome: Outcome::Completed.into(),
        duration_us: 1,
        usage: UsageSource::Anthropic.into(),
        used_tokens: Some(150),
        ..Settle::default()
    };
    let settles = vec![settle];
    let frame = FilterFrame { settles, ..asks(&[ask(2, "client", 1)]) };
    let verdicts = session.answer(frame).unwrap().unwrap().verdicts;
    let tokens = Balance { limit: 100, remaining: 0, full_in_ms: 90_000, used: 150 };
    assert_eq!((verdicts[0].decision(), verdicts[0].tokens), (Decision::TpmExceeded, Some(tokens)));
}

#[test]
fn a_settle_gives_back_or_charges_further_once() {
    for (used_tokens, left) in [(20, 80), (100, 0), (150, -50), (100_000_000, -1_000)] {
        let mut session = Session::new();
        session.answer(asks(&[ask(1, "client", 60)])).unwrap();
        let settle = Settle {
            id: 1,
            outcome: Outcome::Completed.into(),
            duration_us: 1,
            usage: UsageSource::Anthropic.into(),
            used_tokens: Some(used_tokens),
            ..Settle::default()
        };
        let frame = FilterFrame { settles: vec![settle, settle], ..FilterFrame::default() };
        session.answer(frame).unwrap();
        assert_eq!(session.left(), (1, left), "{used_tokens} used");
    }
}

#[test]
fn a_figure_without_a_source_is_not_believed() {
    for usage in [UsageSource::None as i32, UsageSource::Encoded as i32, 77] {
        let mut session = Session::new();
        session.answer(asks(&[ask(1, "client", 60)])).unwrap();
        let outcome = Outcome::Completed.into();
        let settle = Settle {
            id: 1,
            outcome,
            duration_us: 1,
            usage,
            used_tokens: Some(5),
            ..Settle::default()
        };
        let frame = FilterFrame { settles: vec![settle], ..FilterFrame::default() };
        session.answer(frame).unwrap();
        assert_eq!(session.left(), (1, 40));
    }
}

#[test]
fn an_ask_out_of_range_is_refused_with_its_number() {
    let status = Session::new().answer(asks(&[ask(9, "client", u64::MAX)])).unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("ask 9"), "{}", status.message());
}

async fn open_stream(
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
    let metrics = StreamMetrics::register(&Registry::new()).unwrap();
    let shutdown = CancellationToken::new();
    tokio::spawn(decisions::serve(listener, ledger(SystemClock::start()), metrics, shutdown));

    let mut silent = TcpStream::connect(address).await.unwrap();
    let started = Instant::now();
    let mut read = Vec::new();
    let end = timeout(Duration::from_mins(2), silent.read_to_end(&mut read)).await;
    assert!(end.is_ok(), "still open after 120 s");
    let took = started.elapsed().as_secs();
    assert!((15..=16).contains(&took), "{took} s");
}
