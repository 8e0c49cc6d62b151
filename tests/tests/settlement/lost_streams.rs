//! Decision streams are cut and control planes killed while requests are under way on several
//! Envoys: each request is settled once, by what the upstream itself counted.

use std::collections::BTreeMap;

use harness::TestStack;
use harness::check::{self, LIMITER_UNAVAILABLE};
use harness::deadline::{eventually, eventually_equal};
use harness::http_client::HttpClient;
use harness::random;
use http::StatusCode;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{Duration, sleep};

use super::{CHAT, ESTIMATE, body};

const ENVOYS: usize = 2;
const WORKERS: usize = 2;
/// Requests that are under way at a time, each of a client of its own.
const LANES: u64 = 24;
/// Milliseconds within which all begin, and which each of its events takes at most.
const BEGIN_MS: u64 = 40;
const EVENT_MS: u64 = 12;

/// What befalls the round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Every stream is cut, this often.
    Cut { times: u64 },
    /// Every stream delivers nothing any more, and is cut when its successor may be there.
    Swallowed,
    /// The control plane is killed and started again.
    Killed,
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_settled_once_by_what_the_upstream_counted_whatever_is_lost() {
    campaign(12, 3, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: 2,000 streams are cut, and 50 control planes killed"]
async fn two_thousand_lost_streams_and_fifty_killed_control_planes_settle_every_request_once() {
    campaign(250, 50, 20).await;
}

/// Rounds in which streams are cut twice, in which the control plane is killed, and in which streams
/// are swallowed.
async fn campaign(cuts: usize, kills: usize, swallows: usize) {
    let mut random = random::with_a_new_seed();

    let data = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
    let mut stack = TestStack::builder()
        .envoys(ENVOYS)
        .workers(WORKERS)
        .with_relay()
        .setting("DATA_DIR", &data.path().join("data").display().to_string())
        .setting("DECISION_TIMEOUT_MS", "2000")
        .start()
        .await;
    for lane in 0..LANES {
        stack.admin().put_client(&client(lane), 1_000_000, 1_000_000_000).await;
    }
    let mut books = Books::default();
    let faults =
        [(Fault::Cut { times: 2 }, cuts), (Fault::Killed, kills), (Fault::Swallowed, swallows)];
    let mut left: Vec<_> =
        faults.into_iter().flat_map(|(fault, rounds)| vec![fault; rounds]).collect();
    while !left.is_empty() {
        let which = random.usize(0..left.len());
        round(&mut stack, left.swap_remove(which), &mut random, &mut books).await;
    }
    eventually_equal("open requests", Some(0.0), || async {
        stack.control_plane.metrics().await.value("flowguard_open_requests", &[])
    })
    .await;
    for envoy in &stack.envoys {
        check::filter_is_unharmed(envoy).await;
    }
    println!("{} requests settled, {} answered 503", books.settled, books.unanswered);
    assert!(books.unanswered * 10 < books.settled, "most requests are decided");
}

/// Each lane has one request, during which something happens; then the books are compared.
async fn round(stack: &mut TestStack, fault: Fault, random: &mut fastrand::Rng, books: &mut Books) {
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        let proxy = HttpClient::http1(stack.envoys[random.usize(0..ENVOYS)].proxy_address());
        let tokens = 10 + random.u64(0..2 * ESTIMATE);
        let (begin, event) = (random.u64(0..BEGIN_MS), random.u64(0..EVENT_MS));
        let path = format!("/{lane}-{}{CHAT}", books.round);
        let query = format!("prompt_tokens=3&completion_tokens={}&delay_ms={event}", tokens - 3);
        lanes.spawn(async move {
            pause(begin).await;
            let request = proxy.post(&format!("{path}?{query}")).json(&body(true));
            let request = request.client(&client(lane)).tokens(ESTIMATE);
            (lane, path, tokens, request.send().await)
        });
    }
    pause(random.u64(0..BEGIN_MS + 5 * EVENT_MS)).await;
    let relay = stack.relay.as_ref().expect("a relay");
    match fault {
        Fault::Cut { times } => {
            for _ in 0..times {
                relay.cut_open_connections();
                pause(random.u64(0..BEGIN_MS)).await;
            }
        }
        Fault::Swallowed => {
            relay.swallow_open_connections();
            pause(900 + random.u64(0..900)).await;
            relay.cut_open_connections();
        }
        Fault::Killed => stack.control_plane.restart().await,
    }
    while let Some(ended) = lanes.join_next().await {
        let (lane, path, tokens, answer) = ended.expect("a lane");
        let arrived = stack.upstream.requests_to(&path).len();
        if answer.status == StatusCode::OK {
            assert_eq!(arrived, 1, "{path}");
            books.settled += 1;
            let (requests, used) = books.expected.entry(client(lane)).or_default();
            (*requests, *used) = (*requests + 1, *used + tokens);
        } else {
            check::refused(&answer, &LIMITER_UNAVAILABLE);
            assert_eq!(arrived, 0, "{path}");
            books.unanswered += 1;
        }
    }
    books.round += 1;
    let what = format!("the books after round {} ({fault:?})", books.round);
    eventually_equal(&what, books.expected.clone(), || charged(stack)).await;
}

/// What the upstream counted, by client: requests and tokens.
#[derive(Default)]
struct Books {
    round: u64,
    settled: u64,
    unanswered: u64,
    expected: BTreeMap<String, (u64, u64)>,
}

/// What the clients were charged: requests and tokens, of those that have any.
async fn charged(stack: &TestStack) -> BTreeMap<String, (u64, u64)> {
    let mut charged = BTreeMap::new();
    let stats = eventually("statistics", || async {
        let answer = stack.admin().http().get("/api/v1/stats").try_send().await.ok()?;
        (answer.status == StatusCode::OK).then(|| answer.json())
    });
    for (client, stats) in stats.await["stats"].as_object().expect("clients") {
        let figure = |name: &str| stats[name].as_u64().expect("a number");
        let (requests, tokens) = (figure("success_requests"), figure("tokens_used"));
        assert_eq!(figure("dropped_requests"), 0, "{client}");
        if requests > 0 {
            charged.insert(client.clone(), (requests, tokens));
        }
    }
    charged
}

fn client(lane: u64) -> String {
    format!("lane-{lane}")
}

#[expect(clippy::disallowed_methods, reason = "when something happens is what chance decides here")]
async fn pause(ms: u64) {
    sleep(Duration::from_millis(ms)).await;
}
