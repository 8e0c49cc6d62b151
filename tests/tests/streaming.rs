//! Nothing is held back: neither a response's events nor a request's body.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use bytes::Bytes;
use harness::TestStack;
use harness::check;
use harness::deadline::{eventually, eventually_equal, soon};
use harness::http_client::{HttpClient, OpenAnswer};
use harness::raw_client::RawConnection;
use http_body_util::channel::Channel;
use mock_llm::{BodyProgress, ResponseEnd};
use serde_json::json;

/// Opens a streamed chat completion whose events the test lets through one by one.
async fn open_stream(proxy: &HttpClient, path: &str) -> OpenAnswer {
    let request = proxy.post(path).json(&json!({"model": "m", "messages": [], "stream": true}));
    let stream = request.client("a").tokens(1).open().await;
    assert_eq!(stream.status().as_u16(), 200);
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    stream
}

#[tokio::test]
async fn events_arrive_one_by_one_as_the_upstream_sends_them() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, None).await;
    for (proxy, name) in
        [(stack.proxy(), "http1"), (HttpClient::http2(stack.proxy_address()), "http2")]
    {
        let gate = stack.upstream.gate(name);
        let mut stream =
            open_stream(&proxy, &format!("/v1/chat/completions?chunks=3&gate={name}")).await;
        for _ in 0..3 {
            // The next event is not even made before this one has arrived.
            gate.let_one_through();
            let event = stream.next_chunk().await.expect("an event").expect("a whole event");
            assert!(event.starts_with(b"data: {") && event.ends_with(b"}\n\n"), "{event:?}");
            let lines = event.split(|byte| *byte == b'\n').count() - 1;
            assert_eq!(lines, 2, "one event: {event:?}");
        }
        gate.open();
        let mut rest = Vec::new();
        while let Some(chunk) = stream.next_chunk().await {
            rest.extend_from_slice(&chunk.expect("a whole event"));
        }
        assert!(rest.ends_with(b"data: [DONE]\n\n"), "{}", String::from_utf8_lossy(&rest));
    }
}

#[tokio::test]
async fn an_upload_of_50_mb_reaches_the_upstream_while_it_is_sent() {
    const PIECE: usize = 64 * 1024;
    const PIECES: usize = 800;
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, None).await;
    for (proxy, path) in
        [(stack.proxy(), "/http1"), (HttpClient::http2(stack.proxy_address()), "/http2")]
    {
        let piece_of_body = Bytes::from(vec![b'x'; PIECE]);
        let (mut sender, body) = Channel::<Bytes, Infallible>::new(1);
        let upload =
            tokio::spawn(proxy.post(path).client("a").tokens(1).streamed_body(body).send());
        let arrived = |pieces: usize| {
            let upstream = &stack.upstream;
            async move {
                let request = upstream.request_to(path).await;
                eventually_equal("bytes at the upstream", (pieces * PIECE) as u64, || async {
                    request.progress().bytes
                })
                .await;
                assert!(!request.progress().complete);
            }
        };
        for piece in 0..PIECES {
            // What was sent has arrived, all of it, before anything more is sent.
            if piece % 200 == 1 {
                arrived(piece).await;
            }
            soon("room for a piece", sender.send_data(piece_of_body.clone()))
                .await
                .expect("a reader");
        }
        arrived(PIECES).await;
        drop(sender);
        let answer = soon("the upload's answer", upload).await.expect("the upload does not panic");
        check::admitted(&answer);
        let bytes = (PIECES * PIECE) as u64;
        assert_eq!(answer.json()["body_bytes"], bytes);
        let progress = stack.upstream.request_to(path).await.progress();
        assert_eq!(progress, BodyProgress { bytes, complete: true });
    }
}

#[tokio::test]
async fn a_refused_upload_does_not_reach_the_upstream() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, 1).await;
    let request = stack.proxy().post("/upload").client("a").tokens(2);
    let answer = request.body(vec![b'x'; 100 * 1024]).send().await;
    check::refused_for_good(&answer);
    assert_eq!(stack.upstream.requests().len(), 0);
}

/// As a client does that reads no answer before all is sent, over a slow line.
#[tokio::test]
async fn a_slow_upload_that_is_refused_is_told_why_at_its_end() {
    const PIECES: usize = 30;
    const PIECE: [u8; 4096] = [b'x'; 4096];
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, 1).await;
    let mut connection = RawConnection::open(stack.proxy_address()).await;
    let head = format!(
        "POST /upload HTTP/1.1\r\nHost: proxy\r\nX-Client-ID: a\r\nX-Token-Estimate: 2\r\n\
         Content-Length: {}\r\n\r\n",
        PIECES * PIECE.len()
    );
    connection.write(head.as_bytes()).await;
    for _ in 0..PIECES {
        #[expect(clippy::disallowed_methods, reason = "the client's line is slow")]
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(connection.write(&PIECE).await, "the connection was reset under the upload");
    }
    check::refused_for_good(&connection.read_answer().await.expect("the answer"));
    assert_eq!(stack.upstream.requests().len(), 0);
}

#[tokio::test]
async fn a_request_that_is_silent_for_too_long_is_ended_by_envoy() {
    let stack = TestStack::builder().setting("STREAM_IDLE_TIMEOUT_S", "1").start().await;
    stack.admin().put_client("a", None, None).await;
    let proxy = stack.proxy();
    let silent = proxy.post("/v1/chat/completions?gate=never").json(&json!({}));
    let answer = silent.client("a").tokens(1).send().await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (504, "stream timeout"));
    let took = answer.received - answer.sent;
    assert!(took >= Duration::from_secs(1), "{took:?}");

    // One that says something now and then lasts longer than that.
    let gate = stack.upstream.gate("slow");
    let mut stream = open_stream(&proxy, "/v1/chat/completions?chunks=4&gate=slow").await;
    for _ in 0..3 {
        #[expect(
            clippy::disallowed_methods,
            reason = "a stream whose pauses are shorter than the timeout"
        )]
        tokio::time::sleep(Duration::from_millis(600)).await;
        gate.let_one_through();
        stream.next_chunk().await.expect("an event").expect("a whole event");
    }
}

#[tokio::test]
async fn a_large_response_is_passed_on_whole() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, None).await;
    let request = stack.proxy().post("/v1/chat/completions?chunks=200&chunk_bytes=100000");
    let answer = request.json(&json!({"stream": true})).client("a").tokens(1).send().await;
    check::admitted(&answer);
    assert!(answer.body.len() > 20_000_000, "{}", answer.body.len());
    assert!(answer.body.ends_with(b"data: [DONE]\n\n"));
}

#[tokio::test]
async fn a_client_that_goes_away_mid_stream_ends_the_upstreams_work_and_is_counted() {
    let stack = TestStack::start().await;
    let admin = stack.admin();
    admin.put_client("a", 2, 100).await;
    stack.upstream.gate("events").let_one_through();
    let path = "/v1/chat/completions";
    let proxy = stack.proxy();
    let mut stream = open_stream(&proxy, &format!("{path}?gate=events")).await;
    stream.next_chunk().await.expect("an event").expect("a whole event");
    drop(stream);

    let request = stack.upstream.request_to(path).await;
    eventually_equal("the response's end", Some(ResponseEnd::CutShort), || async {
        request.response_end()
    })
    .await;
    eventually("a settled request", || async {
        let metrics = stack.control_plane.metrics().await;
        (metrics.value("flowguard_settlements_total", &[("outcome", "aborted")]) == Some(1.0))
            .then_some(())
    })
    .await;
    let stats = admin.stats("a").await;
    check::counted(&stats, 1, 0, 0);
    assert_eq!(stats.tokens_used, 1);
    check::admitted(&stack.proxy().post("/").client("a").tokens(1).send().await);
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test]
async fn an_upstream_that_breaks_off_mid_stream_is_passed_on_as_such() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, None).await;
    for proxy in [stack.proxy(), HttpClient::http2(stack.proxy_address())] {
        let mut stream = open_stream(&proxy, "/v1/chat/completions?abort_after=2").await;
        let mut events = String::new();
        let end = loop {
            match stream.next_chunk().await {
                Some(Ok(chunk)) => events.push_str(&String::from_utf8_lossy(&chunk)),
                other => break other,
            }
        };
        assert_eq!(events.matches("data: ").count(), 2, "{events}");
        assert!(matches!(end, Some(Err(_))), "the stream seems to be complete");
        check::admitted(&proxy.post("/").client("a").tokens(1).send().await);
    }
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test]
async fn the_duration_of_a_request_lasts_to_the_end_of_its_stream() {
    const PAUSE: Duration = Duration::from_millis(300);
    const NAME: &str = "flowguard_request_duration_milliseconds";
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, None).await;
    let started = Instant::now();
    let gate = stack.upstream.gate("events");
    let mut stream = open_stream(&stack.proxy(), "/v1/chat/completions?gate=events").await;
    gate.let_one_through();
    stream.next_chunk().await.expect("an event").expect("a whole event");
    let metrics = stack.control_plane.metrics().await;
    assert_eq!(
        metrics.value(&format!("{NAME}_count"), &[("client_id", "a")]),
        None,
        "measured before the end"
    );
    #[expect(
        clippy::disallowed_methods,
        reason = "a stream that is silent for the time to be measured"
    )]
    tokio::time::sleep(PAUSE).await;
    gate.open();
    while stream.next_chunk().await.is_some() {}
    let longest = started.elapsed();

    let metrics = eventually("a measured request", || async {
        let metrics = stack.control_plane.metrics().await;
        (metrics.value(&format!("{NAME}_count"), &[("client_id", "a")]) == Some(1.0))
            .then_some(metrics)
    })
    .await;
    let sum = metrics.value(&format!("{NAME}_sum"), &[("client_id", "a")]).expect("a sum");
    let expected = PAUSE.as_secs_f64() * 1000.0..=longest.as_secs_f64() * 1000.0;
    assert!(expected.contains(&sum), "{sum} ms, expected {expected:?}");
    let mean = stack.admin().stats("a").await.avg_latency_ms;
    assert!((mean - sum).abs() < 1.0, "avg_latency_ms is {mean}, the histogram's sum {sum}");
}
