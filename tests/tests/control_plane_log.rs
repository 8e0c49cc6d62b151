//! What the control plane's log says of refusals, of strangers, and of the ends of streams.

use std::net::SocketAddr;

use harness::TestStack;
use harness::check;
use harness::deadline::{eventually, soon};
use proto::DECISION_PROTOCOL_VERSION;
use proto::decision::decision_service_client::DecisionServiceClient;
use proto::decision::{ControlFrame, FilterFrame, Hello, Resume};
use tokio::sync::mpsc;
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
