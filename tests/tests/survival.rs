//! What was acknowledged is there after a kill, and nothing else is.

use std::collections::BTreeMap;
use std::path::Path;

use harness::admin::Admin;
use harness::control_plane::{ControlPlane, Settings};
use harness::deadline::soon;
use harness::grpc::GrpcClient;
use harness::http_client::HttpClient;
use harness::random;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

const SET: &str = "flowguard.FlowGuardService/SetClientConfig";
const DELETE: &str = "flowguard.FlowGuardService/DeleteClient";

/// A control plane that keeps its clients in `folder`, and has none yet.
async fn start(folder: &Path) -> ControlPlane {
    let data = folder.join("data").display().to_string();
    start_with(folder, &[("DATA_DIR", &data), ("DEMO_CLIENTS", "false")]).await
}

async fn start_with(folder: &Path, settings: &[(&str, &str)]) -> ControlPlane {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    ControlPlane::start(settings.collect::<Settings>(), folder.to_owned()).await
}

async fn kill_and_start_again(control_plane: &mut ControlPlane) {
    // Its old process is killed first.
    control_plane.restart().await;
}

async fn clients(control_plane: &ControlPlane) -> Value {
    let answer = control_plane.admin().http().get("/api/v1/clients").send().await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()["clients"].clone()
}

#[tokio::test]
async fn what_either_api_configured_is_in_force_after_a_kill() {
    let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
    let mut control_plane = start(folder.path()).await;
    let (admin, grpc) = (control_plane.admin(), GrpcClient::new(control_plane.grpc_address()));

    let whole = json!({"rpm": 60, "tpm": 1000, "enabled": false, "min_estimate": 7});
    assert_eq!(admin.put("a%2Fb", &whole).await.status, StatusCode::CREATED);
    admin.put_client("changed", 1, 2).await;
    assert_eq!(admin.patch("changed", &json!({"rpm": null})).await.status, StatusCode::OK);
    admin.put_client("deleted", 1, None).await;
    assert_eq!(admin.delete("deleted").await.status, StatusCode::OK);
    let config = json!({"config": {"clientId": "grpc", "rpm": "5", "minEstimate": "0"}});
    grpc.call(SET, &config).await.expect("set");
    admin.put_client("deleted-by-grpc", 1, None).await;
    grpc.call(DELETE, &json!({"clientId": "deleted-by-grpc"})).await.expect("deleted");

    let before = clients(&control_plane).await;
    let ids: Vec<_> = before.as_object().expect("clients").keys().collect();
    assert_eq!(ids, ["a/b", "changed", "grpc"]);
    kill_and_start_again(&mut control_plane).await;
    assert_eq!(clients(&control_plane).await, before);
}

#[tokio::test]
async fn the_folder_is_told_by_health_on_both_ports() {
    let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
    let control_plane = start(folder.path()).await;
    let data = folder.path().join("data").display().to_string();
    for address in [control_plane.rest_address(), control_plane.metrics_address()] {
        let http = HttpClient::http1(address);
        assert_eq!(http.get("/health").send().await.json()["data_dir"], json!(data));
    }
}

#[tokio::test]
async fn in_memory_nothing_is_kept_and_the_demo_clients_come_with_each_start() {
    let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
    let mut control_plane = start_with(folder.path(), &[("DATA_DIR", "memory")]).await;
    let demo_clients = clients(&control_plane).await;
    assert!(demo_clients["demo-client"].is_object(), "{demo_clients}");
    let health = control_plane.admin().http().get("/health").send().await.json();
    assert_eq!(health.get("data_dir"), None, "{health}");

    control_plane.admin().put_client("a", 1, None).await;
    control_plane.admin().delete("demo-client").await;
    kill_and_start_again(&mut control_plane).await;
    assert_eq!(clients(&control_plane).await, demo_clients);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_write_is_there_whenever_the_process_is_killed() {
    check_kills(20).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute"]
async fn every_acknowledged_write_is_there_after_hundreds_of_kills() {
    check_kills(200).await;
}

/// Kills the process so many times while clients are written, and looks each time what is stored.
async fn check_kills(rounds: usize) {
    const WRITERS: u64 = 4;
    let mut random = random::with_a_new_seed();

    let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
    let mut control_plane = start(folder.path()).await;
    let mut writers: Vec<_> =
        (0..WRITERS).map(|number| Writer::new(number, random.u64(..))).collect();
    for round in 0..rounds {
        let (acknowledged, mut acknowledgements) = unbounded_channel();
        let running: Vec<_> = writers
            .drain(..)
            .map(|writer| {
                tokio::spawn(writer.write_until_killed(control_plane.admin(), acknowledged.clone()))
            })
            .collect();
        let grpc = GrpcClient::new(control_plane.grpc_address());
        let config = json!({"config": {"clientId": "grpc", "rpm": (round + 1).to_string()}});
        grpc.call(SET, &config).await.expect("set");
        // Killed after some further ones, whose number is random.
        while acknowledgements.try_recv().is_ok() {}
        for _ in 0..random.u64(0..60) {
            soon("a write", acknowledgements.recv()).await.expect("the writers go on");
        }
        control_plane.process().kill();
        for writer in running {
            writers.push(writer.await.expect("a writer"));
        }

        kill_and_start_again(&mut control_plane).await;
        let stored = clients(&control_plane).await;
        assert_eq!(stored["grpc"]["rpm"], json!(round + 1), "round {round}");
        let mut known = 1;
        for writer in &mut writers {
            known += writer.check(&stored);
        }
        assert_eq!(stored.as_object().map(serde_json::Map::len), Some(known), "round {round}");
    }
}

/// Somebody who configures and deletes clients of its own, one after the other.
struct Writer {
    number: u64,
    random: fastrand::Rng,
    /// What each of its clients has by the last answer; `None`: deleted, or never there.
    acknowledged: BTreeMap<String, Option<u64>>,
    /// What it asked for last, when no answer came.
    unanswered: Option<(String, Option<u64>)>,
    writes: u64,
}

impl Writer {
    fn new(number: u64, seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        Self { number, random, acknowledged: BTreeMap::new(), unanswered: None, writes: 0 }
    }

    async fn write_until_killed(mut self, admin: Admin, done: UnboundedSender<()>) -> Self {
        loop {
            let client = format!("client-{}-{}", self.number, self.random.u64(0..5));
            self.writes += 1;
            let rpm = (self.random.u64(0..4) != 0).then_some(self.writes);
            let path = format!("/api/v1/clients/{client}");
            let request = match rpm {
                Some(rpm) => admin.http().request(Method::PUT, &path).json(&json!({"rpm": rpm})),
                None => admin.http().request(Method::DELETE, &path),
            };
            self.unanswered = Some((client.clone(), rpm));
            let Ok(answer) = request.try_send().await else { return self };
            let is_known = self.acknowledged.get(&client).is_some_and(Option::is_some);
            let expected = match (rpm, is_known) {
                (Some(_), false) => StatusCode::CREATED,
                (None, false) => StatusCode::NOT_FOUND,
                (_, true) => StatusCode::OK,
            };
            assert_eq!(answer.status, expected, "{client}: {}", answer.text());
            self.acknowledged.insert(client, rpm);
            self.unanswered = None;
            // Nobody counts any more once the process is to be killed.
            let _ = done.send(());
        }
    }

    /// Each client has what was acknowledged, or what was asked for last and not answered. Returns
    /// how many there are.
    fn check(&mut self, stored: &Value) -> usize {
        if let Some((client, asked)) = self.unanswered.take() {
            let before = self.acknowledged.get(&client).copied().flatten();
            let found = stored[&client]["rpm"].as_u64();
            assert!(found == before || found == asked, "{client} has {found:?}");
            self.acknowledged.insert(client, found);
        }
        for (client, rpm) in &self.acknowledged {
            assert_eq!(stored[client]["rpm"].as_u64(), *rpm, "{client}");
        }
        self.acknowledged.values().flatten().count()
    }
}
