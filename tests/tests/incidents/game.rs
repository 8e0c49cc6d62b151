//! One incident: a calm before, what happens, and what is left of it.

use std::time::Duration;

use harness::TestStack;
use harness::deadline::eventually_equal;
use harness::http_client::HttpClient;
use harness::metrics::Metrics;
use harness::redis::Redis;
use harness::stack::StackBuilder;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::promtool;
use crate::recording::{Recording, SCRAPES_A_MINUTE, Target};
use crate::runbook::{self, Row};

/// Whose requests come all the time.
pub(crate) const CLIENT: &str = "a";

/// Every scrape of so many minutes is good before anything happens, so that each rate is of calm.
const CALM_MINUTES: usize = 6;

/// The longest rate, and what comes on top of it.
const AFTER_MINUTES: usize = 7;

/// At four scrapes a minute that is a request every four seconds.
const REQUESTS_A_SCRAPE: usize = 4;

/// A page that takes longer is not read. Prometheus waits for some seconds: here a frozen process
/// would take as long each time.
const SCRAPE_TIMEOUT: Duration = Duration::from_millis(400);

/// FlowGuard's own, and what Envoy says of configuration. How fast this machine decides is no part of
/// the game.
const PAGE: &str = "/stats/prometheus?filter=flowguard%7Clds.update_rejected";

/// A stack that is as in production, but for the names.
pub(crate) fn calm() -> StackBuilder {
    TestStack::builder().setting("DECISION_TIMEOUT_MS", "250")
}

/// A stack under even traffic, and what is seen of it.
pub(crate) struct Game {
    pub(crate) stack: TestStack,
    recording: Recording,
    behaviour: &'static str,
    /// Scrapes, and lengths of the logs, when it began.
    began: usize,
    logs_before: [usize; 3],
    /// Scrapes when it was over.
    ended: usize,
    _folder: TempDir,
    /// What control planes share, where they do.
    _store: Option<Redis>,
}

impl Game {
    /// Starts a stack and lets it run in calm.
    pub(crate) async fn start(stack: StackBuilder) -> Self {
        let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
        let data = folder.path().join("data").display().to_string();
        let stack = stack.setting("DATA_DIR", &data).start().await;
        stack.admin().put_client(CLIENT, 1_000_000, 1_000_000_000).await;
        let mut game = Self {
            stack,
            recording: Recording::default(),
            behaviour: "",
            began: 0,
            logs_before: [0; 3],
            ended: 0,
            _folder: folder,
            _store: None,
        };
        game.goes_on(CALM_MINUTES).await;
        game.began = game.recording.scrapes();
        game.logs_before = game.logs().map(|log| log.len());
        game
    }

    /// Keeps a store until the end.
    pub(crate) fn outlived_by(self, store: Redis) -> Self {
        Self { _store: Some(store), ..self }
    }

    /// How the upstream answers from now on.
    pub(crate) fn upstream_answers(&mut self, behaviour: &'static str) {
        self.behaviour = behaviour;
    }

    /// Traffic and scrapes of so many minutes, which take a second or two.
    pub(crate) async fn goes_on(&mut self, minutes: usize) {
        for _ in 0..minutes * SCRAPES_A_MINUTE {
            for _ in 0..REQUESTS_A_SCRAPE {
                self.request(self.behaviour).await;
            }
            self.scrape().await;
        }
        self.ended = self.recording.scrapes();
    }

    /// Waits until Envoy's worker found nobody there: one that opens its stream again when the next
    /// process already listens has nothing to tell.
    pub(crate) async fn worker_has_lost_its_stream(&self) {
        let down = || async { self.stack.envoy().log().contains("decision stream is down") };
        eventually_equal("whether Envoy's log has a stream that is down", true, down).await;
    }

    /// Waits until Envoy's worker has its stream, which takes less than a second: in the time of the
    /// recording no scrape comes between.
    pub(crate) async fn worker_is_served(&self) {
        let open = || self.stack.envoy().stat("wasmcustom.flowguard_stream.state=open");
        eventually_equal("open decision streams", 1, open).await;
    }

    /// One request of the client's: its status, `None` when the answer was cut off.
    pub(crate) async fn request(&self, behaviour: &str) -> Option<u16> {
        // A connection of its own; over HTTP/1.1 a response that is cut off ends some seconds later.
        let proxy = HttpClient::http2(self.stack.proxy_address());
        let request = proxy.post(&format!("/v1/chat/completions?{behaviour}"));
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hello!"}]});
        let answer = request.client(CLIENT).tokens(10).json(&body).try_send().await;
        answer.ok().map(|answer| answer.status.as_u16())
    }

    async fn scrape(&mut self) {
        let control_plane = page(self.stack.control_plane.metrics_address(), "/metrics").await;
        let envoy = page(self.stack.envoy().admin_address(), PAGE).await;
        self.recording.scrape([
            (Target { job: "flowguard", instance: "control-plane" }, control_plane),
            (Target { job: "envoy", instance: "proxy" }, envoy),
        ]);
    }

    /// Waits until every rate is of calm again, and compares all that was seen with the row of the
    /// runbook's table that has these words in its first column.
    pub(crate) async fn ends_as(mut self, incident: &str) {
        if self.ended == self.began {
            // It took no time.
            self.scrape().await;
            self.ended = self.recording.scrapes();
        }
        let ended = self.ended;
        self.goes_on(AFTER_MINUTES).await;
        // With its end Envoy writes what it held back of its access log.
        self.stack.envoys[0].process().terminate();
        self.stack.envoys[0].process().wait_for_exit().await;

        let Row { alerts, logs: expected } = runbook::row(incident);
        promtool::judge(&self.recording, self.began, ended, &alerts);
        for ((log, before), (name, lines)) in self.logs().iter().zip(self.logs_before).zip(expected)
        {
            let log = &log[before..];
            for words in lines {
                let has_all = |line: &str| words.iter().all(|word| line.contains(word));
                assert!(log.lines().any(has_all), "{incident}: {name} has no {words:?}\n{log}");
            }
        }
    }

    /// Envoy's access log, Envoy's own log, and the control plane's.
    fn logs(&self) -> [String; 3] {
        let envoy = self.stack.envoy();
        [envoy.access_log(), envoy.log(), self.stack.control_plane.log()]
    }
}

async fn page(address: std::net::SocketAddr, path: &str) -> Option<Metrics> {
    let client = HttpClient::one_connection_each(address);
    let answer = timeout(SCRAPE_TIMEOUT, client.get(path).try_send()).await.ok()?.ok()?;
    answer.status.is_success().then(|| Metrics::parse(&answer.text()))
}
