//! What the control plane's log says of refusals, of strangers, and of the ends of streams.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use harness::TestStack;
use harness::check;
use harness::deadline::{eventually, soon};
use harness::raw_client::RawConnection;
use proto::DECISION_PROTOCOL_VERSION;
use proto::decision::decision_service_client::DecisionServiceClient;
use proto::decision::{ControlFrame, FilterFrame, Hello, Resume};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;

/// The log's first line with all of these in it, once it is there.
async fn line_with(stack: &TestStack, parts: &[&str]) -> String {
    eventually(&format!("a line with {parts:?}"), || {
        let log = stack.control_plane.log();
        let line = log.lines().find(|line| parts.iter().all(|part| line.contains(part)));
        let line = line.map(str::to_owned);
        async move { line }
    })
    .await
}

#[tokio::test]
async fn at_debug_each_refusal_has_a_line() {
    let stack = TestStack::builder().setting("LOG_LEVEL", "debug").start().await;
    stack.admin().put_client("a", 1, 100).await;
    let get = |tokens: u64| stack.proxy().get("/").client("a").tokens(tokens);
    check::refused_for_good(&get(101).send().await);
    check::admitted(&get(10).send().await);
    let refused = get(20).send().await;
    let wait_ms = check::refused_for_now(&refused, &check::RPM_EXCEEDED).as_millis();

    let for_good = line_with(&stack, &["DEBUG", "refused for good"]).await;
    for part in [r#"client_id="a""#, r#"limit="tpm""#, "per_minute=100", "tokens=101"] {
        assert!(for_good.contains(part) && !for_good.contains("wait_ms"), "{part}: {for_good}");
    }
    let for_now = line_with(&stack, &["DEBUG", "refused ", r#"limit="rpm""#]).await;
    for part in
        ["per_minute=1 ", "left=0", "tokens=20", &format!("wait_ms={wait_ms}"), "node=flowguard"]
    {
        assert!(for_now.contains(part), "{part}: {for_now}");
    }
}

#[tokio::test]
async fn at_info_refusals_have_no_line_and_ids_that_nobody_configured_have_a_few() {
    let stack = TestStack::builder().setting("UNKNOWN_CLIENT_RPM", "20").start().await;
    for id in (0..30).map(|n| format!("stranger-{n}")) {
        for _ in 0..2 {
            stack.proxy().get("/").client(&id).tokens(1).send().await;
        }
    }
    line_with(&stack, &["INFO", "nobody configured", r#"client_id="stranger-0""#]).await;
    let log = stack.control_plane.log();
    let named = log.lines().filter(|line| line.contains("an id that nobody configured")).count();
    // The test may begin in one minute and end in the next.
    assert!((10..=20).contains(&named), "{log}");
    assert!(!log.contains("refused"), "{log}");
}

#[tokio::test]
async fn in_json_a_client_is_called_what_it_calls_itself() {
    let stack = TestStack::builder().setting("LOG_FORMAT", "json").start().await;
    check::admitted(&stack.proxy().get("/").client("stranger").tokens(1).send().await);
    line_with(&stack, &["nobody configured", r#""client_id":"stranger""#]).await;
}

#[tokio::test]
async fn a_streams_begin_and_end_are_told_with_who_why_and_how_long() {
    let mut stack = TestStack::start().await;
    stack.admin().put_client("a", None, None).await;
    check::admitted(&stack.proxy().get("/").client("a").tokens(1).send().await);
    let opened = line_with(&stack, &["INFO", "decision stream opened", "node=flowguard"]).await;
    assert!(opened.contains("peer=127.0.0.1:") && opened.contains("worker="), "{opened}");

    let stalled = "/v1/chat/completions?stall=body";
    let stalled = stack.proxy().post(stalled).client("a").tokens(1).body(r#"{"stream":true}"#);
    let _stalled = stalled.open().await;
    stack.envoys[0].process().kill();
    let lost = line_with(&stack, &["INFO", "decision stream ended: lost"]).await;
    for part in ["node=flowguard", "up_s=", "open_requests=1"] {
        assert!(lost.contains(part), "{part}: {lost}");
    }
}

#[tokio::test]
async fn a_stream_that_is_replaced_refused_closed_or_stopped_says_so() {
    let mut stack = TestStack::start().await;
    let address = stack.control_plane.decision_address();

    let (older, name) = Stream::greet(address, "replaced", Vec::new()).await;
    let (_newer, _) = Stream::greet(address, "newer", name).await;
    line_with(&stack, &["INFO", "ended: replaced by a newer one", "node=replaced"]).await;
    drop(older);

    let (twice, _) = Stream::greet(address, "twice", Vec::new()).await;
    twice.send(hello("twice", Vec::new())).await;
    let refused = line_with(&stack, &["WARN", "decision stream refused", "node=twice"]).await;
    assert!(refused.contains("hello is said once"), "{refused}");

    let (closed, _) = Stream::greet(address, "closed\u{1b}[31m", Vec::new()).await;
    let Stream { frames, answers } = closed;
    drop(frames);
    let closed = line_with(&stack, &["INFO", "ended: closed by the filter"]).await;
    assert!(closed.contains(r"node=closed\u{1b}[31m"), "{closed}");
    drop(answers);

    let (_open, _) = Stream::greet(address, "open", Vec::new()).await;
    stack.control_plane.process().terminate();
    line_with(&stack, &["INFO", "ended: the control plane stops", "node=open"]).await;
}

/// A peer that opens streams in a loop, each by another long name.
async fn greet_again_and_again(address: SocketAddr, greeted: Arc<AtomicU64>) {
    loop {
        let node = format!("{}{:0>200}", "stranger", greeted.load(Ordering::Relaxed));
        let _ended = Stream::greet(address, &node, Vec::new()).await;
        greeted.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_opened_in_a_loop_fill_no_log_and_hold_up_nobody() {
    const FOR: Duration = Duration::from_secs(3);
    /// Of so many seconds: the loop may begin and end within one.
    const SECONDS: u64 = FOR.as_secs() + 2;
    /// In each of these.
    const LINES_MAX: u64 = 50;
    let stack = TestStack::start().await;
    stack.admin().put_client("honest", None, None).await;
    let proxy = stack.proxy();
    check::admitted(&proxy.get("/").client("honest").tokens(1).send().await);
    let (greeted, mut strangers) = (Arc::default(), JoinSet::new());
    for _ in 0..8 {
        let address = stack.control_plane.decision_address();
        strangers.spawn(greet_again_and_again(address, Arc::clone(&greeted)));
    }
    let started = Instant::now();
    while started.elapsed() < FOR {
        check::admitted(&proxy.get("/").client("honest").tokens(1).send().await);
    }
    strangers.shutdown().await;
    let greeted = greeted.load(Ordering::Relaxed);
    let log = stack.control_plane.log();
    let lines = log.lines().filter(|line| line.contains("stranger")).count() as u64;
    println!("{greeted} streams, {lines} lines about them");
    assert!(lines <= SECONDS * LINES_MAX, "{lines} lines");
    line_with(&stack, &["WARN", "lines about decision streams were left out"]).await;
}

/// Lets a process open no file, or again what it may.
fn set_files_max(process: u32, files_max: Option<u64>) {
    let before = getrlimit(Resource::Nofile);
    let files_max = files_max.or(before.maximum);
    let limit = Rlimit { current: files_max, maximum: before.maximum };
    let process = Pid::from_raw(process.cast_signed());
    prlimit(process, Resource::Nofile, limit).expect("a limit of a child's");
}

#[tokio::test]
async fn that_nobody_can_connect_is_told_once_a_second_while_streams_are_decided() {
    let mut stack = TestStack::start().await;
    stack.admin().put_client("a", None, None).await;
    let proxy = stack.proxy();
    check::admitted(&proxy.get("/").client("a").tokens(1).send().await);
    let process = stack.control_plane.process().id();
    set_files_max(process, Some(0));
    let address = stack.control_plane.metrics_address();
    let mut waiting = RawConnection::open(address).await;
    let told = || {
        let log = stack.control_plane.log();
        log.lines().filter(|line| line.contains("accepting a connection")).count()
    };
    let started = Instant::now();
    eventually("a few lines", || async { (told() >= 3).then_some(()) }).await;
    let most = started.elapsed().as_secs() + 2;
    assert!(told() as u64 <= most, "{} lines in {:?}", told(), started.elapsed());
    line_with(&stack, &["WARN", &format!("at {address} failed: Too many open files")]).await;
    check::admitted(&proxy.get("/").client("a").tokens(1).send().await);

    set_files_max(process, None);
    waiting.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let answer = soon("an answer", waiting.read_answer()).await.expect("an answer");
    assert_eq!(answer.status, 200);
}

/// A filter's end of a decision stream.
struct Stream {
    frames: mpsc::Sender<FilterFrame>,
    answers: Streaming<ControlFrame>,
}

impl Stream {
    /// Opens a stream of a worker, which has a name or is given one: that is returned.
    async fn greet(address: SocketAddr, node: &str, name: Vec<u8>) -> (Self, Vec<u8>) {
        let channel = Channel::from_shared(format!("http://{address}")).expect("an address");
        let channel = soon("a connection", channel.connect()).await.expect("a connection");
        let (frames, outbound) = mpsc::channel(8);
        let mut stream = DecisionServiceClient::new(channel);
        frames.send(hello(node, name)).await.expect("a stream");
        let answers = soon("a stream", stream.decide(ReceiverStream::new(outbound))).await;
        let mut stream = Self { frames, answers: answers.expect("a stream").into_inner() };
        let welcome = soon("a welcome", stream.answers.message()).await.expect("a welcome");
        let welcome = welcome.and_then(|frame| frame.welcome).expect("a welcome");
        (stream, welcome.worker)
    }

    async fn send(&self, frame: FilterFrame) {
        self.frames.send(frame).await.expect("the stream is open");
    }
}

fn hello(node: &str, worker: Vec<u8>) -> FilterFrame {
    let protocol_version = DECISION_PROTOCOL_VERSION;
    let new = Hello { protocol_version, node: node.into(), ..Hello::default() };
    if worker.is_empty() {
        return FilterFrame { hello: Some(new), ..FilterFrame::default() };
    }
    let hello = Some(Hello { worker, stream: 1, ..new });
    FilterFrame { hello, resume: Some(Resume::default()), ..FilterFrame::default() }
}
