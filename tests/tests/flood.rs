//! One client, or a stranger with a new name for each request, asks as fast as it can: what it is
//! given, and what others see meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use harness::TestStack;
use harness::check;
use harness::http_client::{Answer, HttpClient};
use tokio::task::JoinSet;

/// How large a flood is.
#[derive(Clone, Copy, Debug)]
struct Size {
    connections: usize,
    /// On each of them.
    streams: usize,
    time: Duration,
}

const SCALED: Size = Size { connections: 10, streams: 500, time: Duration::from_secs(4) };
const WHOLE: Size = Size { connections: 30, streams: 1_000, time: Duration::from_secs(10) };

/// A control plane without optimization, two floods at a time and two CPUs: a frame takes some
/// milliseconds, and each client's turn comes once in as many as there are requests in its lane.
const DECISION_TIMEOUT_MS: &str = "1000";

/// Requests per minute of the flood's client, and of all together that are not configured.
const LIMIT: u64 = 60;

/// Whose requests the flood's are.
#[derive(Clone, Copy, Debug)]
enum Names {
    One,
    NewEachTime,
}

/// What the flood got: admitted, refused for a limit, refused for having too much under way.
#[derive(Debug, Default)]
struct Got {
    admitted: AtomicU64,
    limited: AtomicU64,
    unavailable: AtomicU64,
}

impl Got {
    fn count(&self, answer: Result<Answer, String>) {
        // Envoy may close a stream or a connection that asks too much.
        let Ok(answer) = answer else { return };
        let counter = match answer.status.as_u16() {
            200 => &self.admitted,
            429 => &self.limited,
            503 => &self.unavailable,
            status => panic!("{status}: {}", answer.text()),
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn flood(
    stack: &TestStack,
    size: Size,
    names: Names,
    got: &Arc<Got>,
    until: Instant,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let next = Arc::new(AtomicU64::new(0));
    for _ in 0..size.connections {
        let client = HttpClient::http2(stack.proxy_address());
        for _ in 0..size.streams {
            let (client, got, next) = (client.clone(), Arc::clone(got), Arc::clone(&next));
            tasks.spawn(async move {
                while Instant::now() < until {
                    let name = match names {
                        Names::One => "flood".to_owned(),
                        Names::NewEachTime => {
                            format!("made-up-{}", next.fetch_add(1, Ordering::Relaxed))
                        }
                    };
                    got.count(client.post("/").client(&name).tokens(1).try_send().await);
                }
            });
        }
    }
    tasks
}

async fn is_limited_and_harms_nobody(size: Size, failure_mode: &'static str, names: Names) {
    let stack = TestStack::builder()
        .workers(2)
        .setting("DECISION_TIMEOUT_MS", DECISION_TIMEOUT_MS)
        .setting("FAILURE_MODE", failure_mode)
        .setting("UNKNOWN_CLIENT_RPM", &LIMIT.to_string())
        .start()
        .await;
    stack.admin().put_client("flood", LIMIT, None).await;
    stack.admin().put_client("honest", 100_000, None).await;
    let honest = HttpClient::http1(stack.proxy_address());
    check::admitted(&honest.post("/").client("honest").tokens(1).send().await);

    let started = Instant::now();
    let got = Arc::new(Got::default());
    let mut tasks = flood(&stack, size, names, &got, started + size.time);
    let mut answered = 0;
    while started.elapsed() < size.time {
        let answer = honest.post("/").client("honest").tokens(1).send().await;
        assert_eq!(answer.status, 200, "{failure_mode} {names:?}: {}", answer.text());
        answered += 1;
    }
    while tasks.join_next().await.is_some() {}
    let admitted = got.admitted.load(Ordering::Relaxed);
    println!("{failure_mode} {names:?}: {got:?}; {answered} honest requests");
    let most = LIMIT + check::refill(LIMIT, started.elapsed());
    assert!(admitted <= most, "{admitted} were admitted, at most {most} were there");
    assert!(admitted >= LIMIT, "{admitted} of {LIMIT} were admitted");
    let stats = stack.envoy().stats("wasmcustom").await;
    let failed_open = stats.get("wasmcustom.flowguard_decisions.outcome=failed_open");
    assert_eq!(failed_open.unwrap_or(&0), &0, "{failure_mode}");
    assert!(!stats.keys().any(|name| name.contains("made-up")), "{stats:?}");
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_clients_flood_is_held_to_its_limit_and_harms_nobody() {
    is_limited_and_harms_nobody(SCALED, "closed", Names::One).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_clients_flood_does_not_open_a_gate_that_fails_open() {
    is_limited_and_harms_nobody(SCALED, "open", Names::One).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_with_a_new_name_each_time_is_held_to_the_limit_of_strangers() {
    is_limited_and_harms_nobody(SCALED, "closed", Names::NewEachTime).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_with_a_new_name_each_time_does_not_open_a_gate_that_fails_open() {
    is_limited_and_harms_nobody(SCALED, "open", Names::NewEachTime).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute: the floods in their whole size"]
async fn floods_in_their_whole_size_are_held_to_their_limit_and_harm_nobody() {
    for failure_mode in ["closed", "open"] {
        for names in [Names::One, Names::NewEachTime] {
            is_limited_and_harms_nobody(WHOLE, failure_mode, names).await;
        }
    }
}
