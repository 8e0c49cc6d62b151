//! One client, or a stranger with a new name for each request, asks as fast as it can: what it is
//! given, and what others see meanwhile.

use std::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::TestStack;
use harness::check;
use harness::deadline::SOON;
use harness::http_client::{Answer, HttpClient};
use harness::process::printed;
use harness::stack::StackBuilder;
use harness::tools;
use mock_llm::MockLlm;
use tokio::process::Command;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
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

/// Two workers, a client that floods them, and one that asks for less than it may.
async fn stack(builder: StackBuilder, failure_mode: &str) -> TestStack {
    let stack = builder
        .workers(2)
        .setting("DECISION_TIMEOUT_MS", DECISION_TIMEOUT_MS)
        .setting("FAILURE_MODE", failure_mode)
        .setting("UNKNOWN_CLIENT_RPM", &LIMIT.to_string())
        .start()
        .await;
    stack.admin().put_client("flood", LIMIT, None).await;
    stack.admin().put_client("honest", 1_000_000, None).await;
    stack
}

async fn is_limited_and_harms_nobody(size: Size, failure_mode: &'static str, names: Names) {
    let stack = stack(TestStack::builder(), failure_mode).await;
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

/// Requests a second of the honest client, while its latency is looked at.
const RATE: u64 = 100;

/// By how much more than without a flood its 99th percentile may be.
const P99_MAX_MS: f64 = 100.0;

/// Sends the honest client's requests from a process of its own, since that of the flood is too busy
/// to look at a clock: the 99th percentile of what they take, in milliseconds. All have to pass.
async fn honest_p99_ms(stack: &TestStack, time: Duration) -> f64 {
    let requests = RATE * time.as_secs();
    let mut command = Command::from(tools::load());
    command.args(["honest", "--tokens=1"]);
    command.arg(format!("--requests={requests}")).arg(format!("--rate={RATE}"));
    command.arg(format!("--url=http://{}", stack.proxy_address()));
    command.arg(format!("--config-url=http://{}", stack.control_plane.rest_address()));
    let table = printed("load", time + 3 * SOON, &mut command).await;
    let cell = |start: &str, index: usize| -> f64 {
        let row = table.lines().find_map(|line| line.strip_prefix(start));
        let row = row.unwrap_or_else(|| panic!("no line {start:?} in\n{table}"));
        let cell = row.split_whitespace().nth(index).and_then(|cell| cell.parse().ok());
        cell.unwrap_or_else(|| panic!("no number in {start:?} of\n{table}"))
    };
    #[expect(clippy::cast_precision_loss, reason = "a test's requests are few")]
    let all = requests as f64;
    assert!((cell("200     admitted", 0) - all).abs() < 0.5, "not all have passed:\n{table}");
    cell("milliseconds", 2)
}

/// An upstream with a thread of its own: those of the flood have thousands of other tasks to look at.
/// It ends with the process.
async fn upstream_of_its_own() -> String {
    let (address, started) = oneshot::channel();
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let upstream = MockLlm::start().await;
            address.send(upstream.address()).expect("the test waits");
            future::pending::<()>().await;
        });
    });
    format!("http://{}", started.await.expect("it starts"))
}

/// Without optimization a flood of the whole size is the work of its own process above all.
const MEASURED: Size = if cfg!(debug_assertions) { SCALED } else { WHOLE };

async fn delays_nobody(failure_mode: &'static str, names: Names) {
    const ROUNDS: usize = 5;
    let builder = TestStack::builder().upstream(upstream_of_its_own().await);
    let stack = stack(builder, failure_mode).await;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        alone.push(honest_p99_ms(&stack, Duration::from_secs(2)).await);
        let got = Arc::new(Got::default());
        let mut tasks = flood(&stack, MEASURED, names, &got, Instant::now() + MEASURED.time);
        beside.push(honest_p99_ms(&stack, MEASURED.time).await);
        while tasks.join_next().await.is_some() {}
        println!("{got:?}");
    }
    println!("{failure_mode} {names:?}: p99 in ms {alone:?} alone, {beside:?} beside the flood");
    alone.sort_unstable_by(f64::total_cmp);
    beside.sort_unstable_by(f64::total_cmp);
    let (alone, beside) = (alone[ROUNDS / 2], beside[ROUNDS / 2]);
    assert!(beside < alone + P99_MAX_MS, "{alone} ms alone, {beside} ms beside the flood");
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: the median of five floods of each kind"]
async fn floods_delay_nobody() {
    for failure_mode in ["closed", "open"] {
        for names in [Names::One, Names::NewEachTime] {
            delays_nobody(failure_mode, names).await;
        }
    }
}
