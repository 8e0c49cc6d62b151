//! A request ends in the middle, or something around it does.

use harness::TestStack;
use harness::check;
use harness::deadline::{eventually, eventually_equal};
use harness::discovery::Discovered;
use harness::http_client::OpenAnswer;

use super::{
    CHAT, ESTIMATE, MESSAGES, RESPONSES, post, request, stack_with_client, tokens_are, used_after,
};

/// Anthropic tells its input at once, and one token of output: 41 in all.
const CUT: &str = "prompt_tokens=40&completion_tokens=50&abort_after=3";

#[tokio::test]
async fn a_stream_that_the_upstream_cuts_costs_its_estimate_or_what_was_seen_to_pass() {
    let stack = stack_with_client().await;
    let _ = request(&stack.proxy(), &format!("{MESSAGES}?{CUT}"), true).try_send().await;
    used_after(&stack, "an Anthropic stream that told 41", ESTIMATE).await;
    let _ = request(&stack.proxy(), &format!("{CHAT}?{CUT}"), true).try_send().await;
    used_after(&stack, "an OpenAI stream that told nothing", 2 * ESTIMATE).await;
    // A thousand bytes of text in each of the events that arrived.
    let path = format!("{MESSAGES}?prompt_tokens=40&chunk_bytes=1000&abort_after=7");
    let _ = request(&stack.proxy(), &path, true).try_send().await;
    eventually("a stream of which more than its estimate was seen", || async {
        let used = stack.admin().stats("a").await.tokens_used;
        (used >= 2 * ESTIMATE + 500).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_is_cut_can_be_made_to_cost_what_it_told() {
    let stack = TestStack::builder().setting("CHARGE_ON_ABORT", "known").start().await;
    stack.admin().put_client("a", None, None).await;
    let _ = request(&stack.proxy(), &format!("{MESSAGES}?{CUT}"), true).try_send().await;
    used_after(&stack, "a stream that told 41", 41).await;
    let _ = request(&stack.proxy(), &format!("{CHAT}?{CUT}"), true).try_send().await;
    used_after(&stack, "a stream that told nothing", 41 + ESTIMATE).await;
}

#[tokio::test]
async fn a_stream_that_its_client_leaves_costs_its_estimate() {
    let stack = stack_with_client().await;
    let path = format!("{MESSAGES}?prompt_tokens=40&completion_tokens=50&gate=left");
    stack.upstream.gate("left").let_one_through();
    let mut answer = request(&stack.proxy(), &path, true).open().await;
    answer.next_chunk().await.expect("the first event").expect("no error");
    drop(answer);
    used_after(&stack, "a stream that was left after its first event", ESTIMATE).await;
}

/// All of the content has arrived, and the connection is still open: that is no abort.
#[tokio::test]
async fn a_stream_that_its_client_leaves_after_the_content_said_its_end_costs_what_it_told() {
    let stack = stack_with_client().await;
    let mut used = 0;
    for (path, end) in [(CHAT, "[DONE]"), (MESSAGES, "message_stop"), (RESPONSES, "completed")] {
        let path = format!("{path}?prompt_tokens=11&completion_tokens=7&stall=end");
        let mut answer = request(&stack.proxy(), &path, true).open().await;
        let mut read = String::new();
        while !read.contains(end) || !read.ends_with("\n\n") {
            let chunk = answer.next_chunk().await.expect("more content").expect("no error");
            read.push_str(&String::from_utf8_lossy(&chunk));
        }
        drop(answer);
        used += 18;
        used_after(&stack, &path, used).await;
    }
}

#[tokio::test]
async fn a_request_that_ends_while_its_envoy_drains_is_settled() {
    let stack = TestStack::builder().with_whole_admin().start().await;
    stack.admin().put_client("a", None, None).await;
    let under_way = UnderWay::start(&stack).await;
    let drained = stack.envoy().admin().post("/drain_listeners?graceful").send().await;
    assert_eq!(drained.status, 200, "{}", drained.text());
    under_way.finish(&stack).await;
    used_after(&stack, "the drained request", USED).await;
}

#[tokio::test]
async fn a_request_that_ends_after_its_listener_was_replaced_is_settled() {
    ends_after_reconfiguration(Discovered::Listener).await;
}

#[tokio::test]
async fn a_request_that_ends_after_its_filter_was_replaced_is_settled() {
    let stack = ends_after_reconfiguration(Discovered::Filter).await;
    // With its last request the replaced filter's stream ends.
    eventually_equal("open decision streams", 1, || {
        stack.envoy().stat("wasmcustom.flowguard_stream.state=open")
    })
    .await;
    eventually_equal("decision streams", Some(1.0), || async {
        stack.control_plane.metrics().await.value("flowguard_decision_streams", &[])
    })
    .await;
}

/// Envoy would reset the stream with the last request, and its end would be lost with it.
#[tokio::test]
async fn a_filter_that_is_replaced_stays_until_its_last_request_is_settled() {
    let mut stack = TestStack::builder().discovered(Discovered::Filter).with_relay().start().await;
    stack.admin().put_client("a", None, 1_000_000).await;
    let under_way = UnderWay::start(&stack).await;
    stack.reconfigure("ERROR_FORMAT", "openai").await;
    eventually("an answer in the new form", || async {
        let answer = stack.proxy().get("/").send().await;
        answer.json()["error"].is_object().then_some(())
    })
    .await;

    let relay = stack.relay.as_ref().expect("a relay");
    relay.swallow_open_connections();
    under_way.finish(&stack).await;
    relay.cut_open_connections();
    used_after(&stack, "the replaced filter's last request", USED).await;
    tokens_are(&stack, [ESTIMATE, USED, ESTIMATE - USED, 0]).await;
    // The new filter has had no request to ask for.
    eventually_equal("decision streams", Some(0.0), || async {
        stack.control_plane.metrics().await.value("flowguard_decision_streams", &[])
    })
    .await;
    check::filter_is_unharmed(stack.envoy()).await;
}

/// One request is forwarded and one waits for its decision while the filter is configured anew.
async fn ends_after_reconfiguration(discovered: Discovered) -> TestStack {
    let mut stack = TestStack::builder().discovered(discovered).start().await;
    stack.admin().put_client("a", None, 1_000_000).await;
    let under_way = UnderWay::start(&stack).await;
    stack.control_plane.process().freeze();
    let waiting = tokio::spawn(request(&stack.proxy(), &using(USED), true).send());
    eventually_equal("requests in Envoy", 2, || {
        stack.envoy().stat("http.proxy.downstream_rq_active")
    })
    .await;

    stack.reconfigure("ERROR_FORMAT", "openai").await;
    eventually("an answer in the new form", || async {
        let answer = stack.proxy().get("/").send().await;
        answer.json()["error"].is_object().then_some(())
    })
    .await;
    stack.control_plane.process().thaw();
    check::admitted(&waiting.await.expect("the request's task"));
    check::admitted(&post(&stack.proxy(), &using(USED), false).await);
    used_after(&stack, "the requests that ended first", 2 * USED).await;
    under_way.finish(&stack).await;
    used_after(&stack, "all requests", 3 * USED).await;
    let estimated = 3 * ESTIMATE;
    tokens_are(&stack, [estimated, 3 * USED, estimated - 3 * USED, 0]).await;
    check::filter_is_unharmed(stack.envoy()).await;
    stack
}

#[tokio::test]
async fn a_request_whose_envoy_ends_costs_its_estimate() {
    let mut stack = stack_with_client().await;
    let _under_way = UnderWay::start(&stack).await;
    stack.envoys[0].process().terminate();
    used_after(&stack, "the request whose Envoy has ended", ESTIMATE).await;
    tokens_are(&stack, [ESTIMATE, ESTIMATE, 0, 0]).await;
}

#[tokio::test]
async fn a_request_whose_decision_stream_is_cut_is_settled_on_the_next_one() {
    let stack = TestStack::builder().with_relay().start().await;
    stack.admin().put_client("a", None, 1_000_000).await;
    let under_way = UnderWay::start(&stack).await;
    stack.relay.as_ref().expect("a relay").cut_open_connections();
    is_settled(&stack, under_way).await;
}

#[tokio::test]
async fn a_request_whose_decision_stream_is_swallowed_is_settled_on_the_next_one() {
    let stack =
        TestStack::builder().with_relay().setting("DECISION_TIMEOUT_MS", "500").start().await;
    stack.admin().put_client("a", None, 1_000_000).await;
    let under_way = UnderWay::start(&stack).await;
    let relay = stack.relay.as_ref().expect("a relay");
    relay.swallow_open_connections();
    let unanswered = stack.proxy().post("/").client("a").tokens(1).send().await;
    check::refused(&unanswered, &check::LIMITER_UNAVAILABLE);
    // The next stream is there before the last one's end is known to the control plane.
    eventually("an admitted request", || async {
        let answer = stack.proxy().post("/").client("a").tokens(0).send().await;
        answer.status.is_success().then_some(())
    })
    .await;
    relay.cut_open_connections();
    is_settled(&stack, under_way).await;
}

/// The client notices nothing of what happened, and the next request is settled too.
async fn is_settled(stack: &TestStack, under_way: UnderWay) {
    under_way.finish(stack).await;
    used_after(stack, "the request whose stream was lost", USED).await;
    check::admitted(&post(&stack.proxy(), &using(USED), false).await);
    used_after(stack, "both requests", 2 * USED).await;
    tokens_are(stack, [2 * ESTIMATE, 2 * USED, 2 * (ESTIMATE - USED), 0]).await;
    check::filter_is_unharmed(stack.envoy()).await;
}

const USED: u64 = 33;

fn using(tokens: u64) -> String {
    format!("{CHAT}?prompt_tokens={}&completion_tokens=3", tokens - 3)
}

/// A streamed response that has begun and waits for the test.
struct UnderWay {
    answer: OpenAnswer,
}

impl UnderWay {
    async fn start(stack: &TestStack) -> Self {
        stack.upstream.gate("under_way").let_one_through();
        let path = format!("{}&gate=under_way", using(USED));
        let mut answer = request(&stack.proxy(), &path, true).open().await;
        assert_eq!(answer.status(), 200);
        answer.next_chunk().await.expect("the first event").expect("no error");
        Self { answer }
    }

    /// The client gets the rest of it.
    async fn finish(mut self, stack: &TestStack) {
        stack.upstream.gate("under_way").open();
        let mut rest = Vec::new();
        while let Some(chunk) = self.answer.next_chunk().await {
            rest.extend_from_slice(&chunk.expect("a whole response"));
        }
        assert!(rest.ends_with(b"data: [DONE]\n\n"), "{}", String::from_utf8_lossy(&rest));
    }
}
