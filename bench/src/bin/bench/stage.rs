//! What is measured on: a control plane that keeps what it decides, one that does not, one that has it in a Redis, one
//! upstream, and an Envoy for each scenario.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use http::Method;
use serde_json::json;
use tempfile::TempDir;

use super::cpu::CpuMeter;
use super::envoy_config::{answer_directly, without_access_log, without_filter};
use super::error::BenchError;
use super::one_cpu::OneCpu;
use super::proof::{self, Counted};
use super::sample::{Sample, StreamSample, median, p99};
use super::scenario::{Answers, Kept, KnownBy, SCENARIOS, STREAMS, Scenario};
use super::script::{Calls, ScriptSample, bare_cpu_us};
use super::stream::{Pace, StreamClient};
use super::wrk::Wrk;
use harness::control_plane::{ControlPlane, Settings};
use harness::envoy::{Envoy, EnvoyPorts};
use harness::http_client::HttpClient;
use harness::load::send_many;
use harness::redis::{Kind, Redis};
use harness::stack::envoy_config;
use mock_llm::MockLlm;

/// Load before each measurement: connections are made, code is compiled, and a refused client's balance is spent.
const WARM_UP_SECONDS: u32 = 1;

/// The content events of a stream whose chunks are measured.
const CHUNKS: u32 = 10_000;

/// How many streams are asked for their first byte in each measurement, and how short they are.
const SHORT_STREAMS: u32 = 300;
const SHORT_STREAM_CHUNKS: u32 = 5;

/// How many connections configure the clients.
const ADMIN_CONNECTIONS: usize = 8;

/// All parts, running. Everything ends with it.
///
/// The fields are in the order in which they are dropped.
#[derive(Debug)]
pub(crate) struct Stage {
    envoys: BTreeMap<&'static str, Envoy>,
    control_planes: BTreeMap<Kept, ControlPlane>,
    store: Redis,
    upstream: MockLlm,
    wrk: Wrk,
    /// The key of the one client of each scenario whose clients have keys.
    keys: BTreeMap<&'static str, String>,
    _folder: TempDir,
}

impl Stage {
    /// Starts all parts and configures the clients.
    pub(crate) async fn start() -> Result<Self, BenchError> {
        let folder = TempDir::with_prefix("flowguard-bench-").expect("a temporary folder");
        let wrk = Wrk::new(folder.path())?;
        let upstream = MockLlm::start().await;
        let upstream_url = format!("http://{}", upstream.address());
        // The defaults, except that an id that is not configured shows.
        let settings: Settings = [
            ("BIND_ADDRESS", "127.0.0.1"),
            ("UPSTREAM_URL", upstream_url.as_str()),
            ("UNKNOWN_CLIENTS", "deny"),
            ("DEMO_CLIENTS", "false"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let data = folder.path().join("data").display().to_string();
        let mut control_planes = BTreeMap::new();
        let store = Redis::start(Kind::Redis, &[]).await;
        let store_url = format!("redis://{}", store.address());
        for (kept, setting, value) in [
            (Kept::Folder, "DATA_DIR", data.as_str()),
            (Kept::Memory, "DATA_DIR", "memory"),
            (Kept::Store, "STORE_URL", store_url.as_str()),
        ] {
            let settings = with(&settings, setting, value);
            let control_plane = ControlPlane::start(settings, folder.path().to_owned()).await;
            control_planes.insert(kept, control_plane);
        }

        let (mut envoys, mut keys) = (BTreeMap::new(), BTreeMap::new());
        for scenario in SCENARIOS.iter().chain(&STREAMS) {
            let port = control_planes[&scenario.kept].decision_address().port();
            let settings = with(&settings, "DECISION_PORT", &port.to_string());
            envoys.insert(scenario.name, spawn_envoy(scenario, &settings, folder.path()).await?);
        }
        for envoy in envoys.values_mut() {
            envoy.wait_until_ready().await;
        }
        for scenario in SCENARIOS.iter().chain(&STREAMS) {
            let rest = HttpClient::http1(control_planes[&scenario.kept].rest_address());
            configure_clients(scenario, &rest).await?;
            if scenario.known_by == KnownBy::Key {
                keys.insert(scenario.name, new_key(scenario, &rest).await?);
            }
        }
        Ok(Self { envoys, control_planes, store, upstream, wrk, keys, _folder: folder })
    }

    /// Measures a scenario once, and checks that it was what its name says.
    pub(crate) async fn measure(
        &mut self,
        scenario: &Scenario,
        connections: u32,
        seconds: u32,
    ) -> Result<Sample, BenchError> {
        let envoy = self.envoys.get_mut(scenario.name).expect("an Envoy for each scenario");
        let control_plane = self.control_planes.get_mut(&scenario.kept).expect("one of each kind");
        let proxy = envoy.proxy_address();
        let key = self.keys.get(scenario.name).map(String::as_str);
        self.wrk.run(proxy, (scenario, key), connections, WARM_UP_SECONDS).await?;

        let counted_before = Counted::by(envoy).await;
        let envoy_cpu = CpuMeter::start(envoy.process().id())?;
        let control_plane_cpu = CpuMeter::start(control_plane.process().id())?;
        let store_cpu = CpuMeter::start(self.store.process().id())?;
        let seen = self.wrk.run(proxy, (scenario, key), connections, seconds).await?;
        // It does nothing for anybody else, but a little for each beat of its own clock.
        let store_cpu = match scenario.kept {
            Kept::Store => store_cpu.used()?,
            Kept::Folder | Kept::Memory => Duration::ZERO,
        };
        let envoy_cpu = envoy_cpu.used()?;
        let control_plane_cpu = control_plane_cpu.used()?;
        let counted = Counted::by(envoy).await - counted_before;

        let (requests, errors) = (seen.requests.into(), seen.error_statuses.into());
        proof::check_answers(scenario, connections, requests, errors, counted)?;
        proof::check_clients(scenario, &control_plane.admin(), &seen).await?;
        Ok(Sample {
            rps: seen.rps(),
            p50_us: seen.p50_us(),
            p99_us: seen.p99_us(),
            envoy_cpu_us: seen.per_request_us(envoy_cpu),
            control_plane_cpu_us: seen.per_request_us(control_plane_cpu),
            store_cpu_us: seen.per_request_us(store_cpu),
        })
    }

    /// Measures what the store of a scenario works for a request, and its script alone.
    pub(crate) async fn measure_script(
        &mut self,
        scenario: &Scenario,
        connections: u32,
        seconds: u32,
    ) -> Result<ScriptSample, BenchError> {
        let before = Calls::of(&self.control_planes[&scenario.kept].metrics().await);
        let Sample { store_cpu_us, .. } = self.measure(scenario, connections, seconds).await?;
        let after = Calls::of(&self.control_planes[&scenario.kept].metrics().await);
        let asks = after.asks_since(before);
        let bare_cpu_us = bare_cpu_us(&mut self.store, asks, seconds).await?;
        Ok(ScriptSample { asks, store_cpu_us, bare_cpu_us })
    }

    /// Measures the streams of a scenario once: first bytes of short ones, then the CPU time of long ones, of which
    /// none is begun after `seconds`.
    pub(crate) async fn measure_streams(
        &mut self,
        scenario: &'static Scenario,
        seconds: u32,
    ) -> Result<StreamSample, BenchError> {
        let envoy = self.envoys.get_mut(scenario.name).expect("an Envoy for each scenario");
        let mut client =
            StreamClient::connect(scenario, envoy.proxy_address(), &self.upstream).await?;
        client.read(CHUNKS, Pace::InStep).await?;

        let counted_before = Counted::by(envoy).await;
        let mut first_bytes = Vec::new();
        for _ in 0..SHORT_STREAMS {
            let seen = client.read(SHORT_STREAM_CHUNKS, Pace::AtOnce).await?;
            first_bytes.push(in_us(seen.first_byte));
        }
        let shared = OneCpu::share(vec![envoy.process().id(), std::process::id()])?;
        let envoy_cpu = CpuMeter::start(envoy.process().id())?;
        let started = Instant::now();
        let (mut streams, mut chunks, mut bytes) = (0_u32, 0_u32, 0.0);
        while streams == 0 || started.elapsed() < Duration::from_secs(seconds.into()) {
            let seen = client.read(CHUNKS, Pace::InStep).await?;
            streams += 1;
            chunks += seen.events;
            bytes += f64::from(seen.bytes);
        }
        let envoy_cpu = envoy_cpu.used()?;
        drop(shared);
        let counted = Counted::by(envoy).await - counted_before;

        // Another answer than 200 has already ended the benchmark.
        let requests = u64::from(SHORT_STREAMS + streams);
        proof::check_answers(scenario, 1, requests, 0, counted)?;
        Ok(StreamSample {
            first_byte_p50_us: median(first_bytes.iter().copied()),
            first_byte_p99_us: p99(first_bytes.iter().copied()),
            chunk_cpu_us: in_us(envoy_cpu) / f64::from(chunks),
            chunks: f64::from(chunks) / f64::from(streams),
            chunk_bytes: bytes / f64::from(chunks),
        })
    }
}

fn with(settings: &Settings, name: &str, value: &str) -> Settings {
    let mut settings = settings.clone();
    settings.insert(name.to_owned(), value.to_owned());
    settings
}

async fn spawn_envoy(
    scenario: &Scenario,
    settings: &Settings,
    folder: &Path,
) -> Result<Envoy, BenchError> {
    let ports = EnvoyPorts::free();
    let settings = &with(settings, "FLOWGUARD_IDENTITY", scenario.identity());
    let config = match scenario.mode {
        Some(mode) => envoy_config(&with(settings, "FLOWGUARD_MODE", mode), ports).await,
        None => without_filter(&envoy_config(settings, ports).await)?,
    };
    let config = without_access_log(&config)?;
    let config = match scenario.answers {
        Answers::Envoy => answer_directly(&config)?,
        Answers::Upstream => config,
    };
    Ok(Envoy::spawn(scenario.name, &config, ports, 1, folder))
}

fn in_us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Configures the clients of a scenario over connections that are kept.
async fn configure_clients(
    scenario: &'static Scenario,
    rest: &HttpClient,
) -> Result<(), BenchError> {
    let Some(rpm) = scenario.rpm() else { return Ok(()) };
    let config = json!({"rpm": rpm, "tpm": 1_000_000_000_000_u64});
    let rest = rest.clone();
    let answers = send_many(scenario.clients, ADMIN_CONNECTIONS, move |index| {
        let path = format!("/api/v1/clients/{}", scenario.client_id(index + 1));
        rest.request(Method::PUT, &path).json(&config)
    });
    match answers.await.iter().find(|answer| !answer.status.is_success()) {
        Some(answer) => Err(BenchError::Clients {
            scenario: scenario.name,
            answer: format!("{} {}", answer.status, answer.text()),
        }),
        None => Ok(()),
    }
}

/// A key of the first client of a scenario.
async fn new_key(scenario: &'static Scenario, rest: &HttpClient) -> Result<String, BenchError> {
    let path = format!("/api/v1/clients/{}/keys", scenario.client_id(1));
    let answer = rest.request(Method::POST, &path).json(&json!({})).send().await;
    let key = answer.status.is_success().then(|| answer.json()["key"].as_str().map(str::to_owned));
    key.flatten().ok_or_else(|| BenchError::Clients {
        scenario: scenario.name,
        answer: format!("{} {}", answer.status, answer.text()),
    })
}
