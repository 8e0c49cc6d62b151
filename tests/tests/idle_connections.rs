//! Thousands of connections on each port of the control plane that say nothing, or a byte now and
//! then: everybody else is answered meanwhile, on that port and on all others.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use harness::TestStack;
use harness::check;
use harness::deadline::{eventually, eventually_equal};
use harness::http_client::{Answer, HttpClient};
use harness::raw_client::RawConnection;
use http::Method;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

/// How large a flood is.
#[derive(Clone, Copy, Debug)]
struct Size {
    /// On each port that is flooded.
    connections: usize,
    /// After which who was closed comes again.
    pause: Duration,
    /// For which others ask meanwhile.
    time: Duration,
}

const SCALED: Size =
    Size { connections: 1_000, pause: Duration::from_secs(1), time: Duration::from_secs(2) };
const WHOLE: Size =
    Size { connections: 10_000, pause: Duration::from_secs(10), time: Duration::from_secs(10) };

/// What a process usually has.
const DESCRIPTORS: u64 = 1_024;

/// Descriptors of the test that are no connections of a flood.
const OTHER_DESCRIPTORS: usize = 1_000;

/// Below every time limit by which a silent peer is closed. While thousands come in a moment, the
/// kernel may have no room for somebody's first packet: it is sent again after one second, and
/// after three.
const AT_ONCE: Duration = Duration::from_secs(5);

const HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// What a connection sends, and at last a byte now and then.
#[derive(Clone, Copy, Debug)]
enum Peer {
    Silent,
    SlowHeader,
    SlowPreface,
    /// A frame of headers over HTTP/2 that is never whole.
    SlowFrame,
}

impl Peer {
    fn at_once(self) -> &'static [u8] {
        match self {
            Self::Silent => b"",
            Self::SlowHeader => b"GET /health HTTP/1.1\r\nhost: localhost\r\nslow: ",
            Self::SlowPreface => b"PRI * HTTP/2.0\r\n",
            Self::SlowFrame => {
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x40\x01\x04\0\0\0\x01"
            }
        }
    }

    fn slowly(self) -> &'static [u8] {
        match self {
            Self::Silent => b"",
            Self::SlowHeader => b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            Self::SlowPreface => b"\r\nSM",
            // Headers of the static table: POST, http, /.
            Self::SlowFrame => b"\x83\x86\x84\x83\x86\x84\x83\x86\x84",
        }
    }

    /// Sends all of it and waits to be closed.
    async fn keep(self, mut connection: TcpStream) -> std::io::Result<()> {
        connection.write_all(self.at_once()).await?;
        for byte in self.slowly() {
            let mut end = [0; 256];
            tokio::select! {
                read = connection.read(&mut end) => if read? == 0 { return Ok(()) },
                () = pause(Duration::from_secs(1)) => connection.write_all(&[*byte]).await?,
            }
        }
        while connection.read(&mut [0; 256]).await? > 0 {}
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "a slow peer is slow in time")]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Connections that come again when they are closed. They have a thread of their own, as they would
/// be on another machine: nobody else's tasks wait for theirs.
struct Flood {
    runtime: Option<Runtime>,
    connected: Arc<AtomicUsize>,
}

impl Flood {
    fn start(ports: &[(SocketAddr, &'static [Peer])], size: Size) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a thread");
        let connected = Arc::new(AtomicUsize::new(0));
        for &(port, peers) in ports {
            for &peer in peers.iter().cycle().take(size.connections) {
                runtime.spawn(come_again(port, peer, size.pause, Arc::clone(&connected)));
            }
        }
        Self { runtime: Some(runtime), connected }
    }

    /// Waits until as many have connected, the first of them perhaps closed already.
    async fn has_come(&self, connections: usize) {
        eventually("a flood of connections", || async {
            (self.connected.load(Ordering::Relaxed) >= connections).then_some(())
        })
        .await;
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn come_again(port: SocketAddr, peer: Peer, after: Duration, connected: Arc<AtomicUsize>) {
    loop {
        if let Ok(connection) = TcpStream::connect(port).await {
            connected.fetch_add(1, Ordering::Relaxed);
            // Closed or reset, it comes again.
            let _ = peer.keep(connection).await;
        }
        pause(after).await;
    }
}

/// Everybody else, who has something to ask.
struct Honest {
    /// To the ports of REST and metrics, where they have asked before.
    connections: Vec<RawConnection>,
    /// Times that a new connection was closed before its first request had arrived.
    closed_early: usize,
    longest: Duration,
}

impl Honest {
    async fn come(stack: &TestStack) -> Self {
        let mut connections = Vec::new();
        for port in [stack.control_plane.rest_address(), stack.control_plane.metrics_address()] {
            connections.push(RawConnection::open(port).await);
        }
        let mut honest = Self { connections, closed_early: 0, longest: Duration::ZERO };
        honest.ask_on_every_port(stack).await;
        honest
    }

    /// Asks for some time, and tells how it went.
    async fn ask_for(&mut self, stack: &TestStack, time: Duration) {
        let started = Instant::now();
        (self.closed_early, self.longest) = (0, Duration::ZERO);
        let mut rounds = 0;
        while started.elapsed() < time {
            self.ask_on_every_port(stack).await;
            rounds += 1;
        }
        let Self { closed_early, longest, .. } = self;
        println!("{rounds} rounds of requests, {longest:?} at most, {closed_early} closed early");
        assert!(*longest < AT_ONCE, "{longest:?}");
    }

    async fn ask_on_every_port(&mut self, stack: &TestStack) {
        for connection in &mut self.connections {
            connection.write(HEALTH).await;
            let answer = connection.read_answer().await.expect("who has asked keeps his place");
            assert_eq!(answer.status, 200);
            self.longest = self.longest.max(answer.duration());
        }
        let rest = HttpClient::one_connection_each(stack.control_plane.rest_address());
        let metrics = HttpClient::one_connection_each(stack.control_plane.metrics_address());
        // A connection of its own each, so that both workers are asked.
        let proxy = HttpClient::one_connection_each(stack.proxy_address());
        let limit = json!({"rpm": 1_000_000});
        self.until_answered(|| proxy.post("/").client("honest").tokens(1).try_send()).await;
        self.until_answered(|| {
            rest.request(Method::PUT, "/api/v1/clients/honest").json(&limit).try_send()
        })
        .await;
        self.until_answered(|| metrics.get("/metrics").try_send()).await;

        let (grpc, client) = (stack.grpc(), json!({"clientId": "honest"}));
        self.until_done(|| grpc.call("flowguard.FlowGuardService/GetClientConfig", &client)).await;
    }

    async fn until_answered<F>(&mut self, request: impl FnMut() -> F)
    where
        F: Future<Output = Result<Answer, String>>,
    {
        let answer = self.until_done(request).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Who is closed before his first request has arrived tries again, as every library does.
    async fn until_done<T, E, F>(&mut self, mut call: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T, E>>,
    {
        let asked = Instant::now();
        loop {
            if let Ok(done) = call().await {
                self.longest = self.longest.max(asked.elapsed());
                return done;
            }
            self.closed_early += 1;
            assert!(asked.elapsed() < AT_ONCE, "not answered");
        }
    }
}

fn descriptors(process: u32) -> usize {
    let open = std::fs::read_dir(format!("/proc/{process}/fd")).expect("its descriptors");
    open.count()
}

/// A stack whose control plane has as many file descriptors as a process usually has.
async fn stack_of_few_descriptors() -> TestStack {
    let mut stack = TestStack::builder().workers(2).start().await;
    stack.admin().put_client("honest", 1_000_000, None).await;
    let id = stack.control_plane.process().id();
    let pid = Pid::from_raw(id.try_into().expect("a process id"));
    let few = Rlimit { current: Some(DESCRIPTORS), maximum: Some(DESCRIPTORS) };
    prlimit(pid, Resource::Nofile, few).expect("fewer descriptors");
    stack
}

/// So many connections at once, or as many as this process may have.
fn possible(size: Size, ports: usize) -> Size {
    let own = getrlimit(Resource::Nofile)
        .current
        .map_or(usize::MAX, |own| usize::try_from(own).unwrap_or(usize::MAX));
    let connections = size.connections.min(own.saturating_sub(OTHER_DESCRIPTORS) / ports);
    if connections < size.connections {
        println!("{connections} connections a port: this process may have {own} descriptors");
    }
    Size { connections, ..size }
}

/// The places are free again, once the last of the flood has been taken out of the kernel's queue:
/// as many callers as there are keep their connections.
async fn places_are_back(stack: &TestStack) {
    for port in [stack.control_plane.rest_address(), stack.control_plane.metrics_address()] {
        eventually("a place for each caller", || async { all_are_kept(port).await.then_some(()) })
            .await;
    }
}

async fn all_are_kept(port: SocketAddr) -> bool {
    const CALLERS: usize = 100;
    let mut callers = Vec::new();
    for _ in 0..CALLERS {
        callers.push(RawConnection::open(port).await);
    }
    for _ in 0..2 {
        for caller in &mut callers {
            caller.write(HEALTH).await;
            let Some(answer) = caller.read_answer().await else { return false };
            assert_eq!(answer.status, 200);
        }
    }
    true
}

async fn hold_up_nobody(
    floods: impl Fn(&TestStack) -> Vec<Vec<(SocketAddr, &'static [Peer])>>,
    size: Size,
) {
    let mut stack = stack_of_few_descriptors().await;
    let process = stack.control_plane.process().id();
    let mut honest = Honest::come(&stack).await;
    let before = descriptors(process);
    for ports in floods(&stack) {
        let size = possible(size, ports.len());
        let flood = Flood::start(&ports, size);
        // They are answered while the flood comes, and once it is there.
        honest.ask_for(&stack, size.time / 2).await;
        flood.has_come(size.connections * ports.len()).await;
        honest.ask_for(&stack, size.time).await;
        let during = descriptors(process);
        println!(
            "{} connections on {} ports: {during} descriptors, {before} before",
            flood.connected.load(Ordering::Relaxed),
            ports.len()
        );
        drop(flood);
        eventually_equal("whether the flood has gone", true, || async {
            descriptors(process) <= before + 10
        })
        .await;
        places_are_back(&stack).await;
    }
    let log = stack.control_plane.log();
    assert!(!log.contains("accepting a connection failed"), "{log}");
    check::filter_is_unharmed(stack.envoy()).await;
}

const HTTP1: &[Peer] = &[Peer::Silent, Peer::SlowHeader];
const HTTP2: &[Peer] = &[Peer::Silent, Peer::SlowPreface, Peer::SlowFrame];

fn ports(stack: &TestStack) -> [(SocketAddr, &'static [Peer]); 4] {
    [
        (stack.control_plane.rest_address(), HTTP1),
        (stack.control_plane.metrics_address(), HTTP1),
        (stack.control_plane.grpc_address(), HTTP2),
        (stack.control_plane.decision_address(), HTTP2),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_idle_and_slow_connections_on_every_port_hold_up_nobody() {
    hold_up_nobody(|stack| vec![ports(stack).to_vec()], SCALED).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: the floods in their whole size"]
async fn ten_thousand_idle_and_slow_connections_on_each_port_hold_up_nobody() {
    let each = |stack: &TestStack| ports(stack).map(|port| vec![port]).to_vec();
    hold_up_nobody(each, WHOLE).await;
    hold_up_nobody(|stack| vec![ports(stack).to_vec()], WHOLE).await;
}
