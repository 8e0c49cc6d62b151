//! What an operator sees of a control plane whose store goes away and comes back: a real process, and a
//! real store.

use std::net::SocketAddr;

use axum::http::Method;
use harness::{
    control_plane::{ControlPlane, Settings},
    deadline::{eventually, eventually_equal, soon},
    http_client::HttpClient,
    metrics::Metrics,
    redis::{Kind, Redis},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::transport::Endpoint;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

struct World {
    redis: Redis,
    control_plane: ControlPlane,
    _folder: TempDir,
}

impl World {
    async fn start(options: &[&str], settings: &[(&str, &str)]) -> Self {
        let redis = Redis::start(Kind::Redis, options).await;
        let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
        let url = format!("redis://{}", redis.address());
        let settings = settings.iter().copied().chain([("STORE_URL", url.as_str())]);
        let settings: Settings =
            settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let control_plane = ControlPlane::start(settings, folder.path().to_owned()).await;
        Self { redis, control_plane, _folder: folder }
    }

    /// What `/health` says, on both ports the same.
    async fn health(&self) -> (String, Vec<String>) {
        let body = self.get("/health").await;
        let reasons = body["reasons"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        (text(&body["status"]), reasons.iter().map(text).collect())
    }

    async fn get(&self, path: &str) -> Value {
        self.get_at(self.control_plane.metrics_address(), path).await
    }

    async fn get_at(&self, address: SocketAddr, path: &str) -> Value {
        let answer = HttpClient::one_connection_each(address).get(path).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    async fn is_healthy(&self) {
        eventually_equal("health", ("healthy".to_owned(), Vec::new()), || self.health()).await;
    }

    /// Waits until it is degraded by a store that is away, and returns the words for it.
    async fn is_degraded(&self) -> String {
        eventually("it is degraded", || async {
            let (status, reasons) = self.health().await;
            let of_store = reasons.iter().find(|reason| reason.contains("shared store is away"))?;
            assert_eq!(status, "degraded");
            Some(of_store.clone())
        })
        .await
    }

    /// Load balancers and Envoys are told that all is well.
    async fn is_ready(&self) {
        assert_eq!(self.get("/ready").await["status"], "ready");
        for address in [self.control_plane.grpc_address(), self.control_plane.decision_address()] {
            let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
            let channel = endpoint.connect().await.expect("it listens");
            let question = HealthCheckRequest { service: String::new() };
            let answer = HealthClient::new(channel).check(question).await.expect("an answer");
            assert_eq!(answer.into_inner().status(), ServingStatus::Serving, "{address}");
        }
    }

    async fn metric(&self, name: &str) -> f64 {
        value(&self.control_plane.metrics().await, name)
    }

    async fn reaches(&self, name: &str, is_reached: impl Fn(f64) -> bool) {
        eventually(name, || async { is_reached(self.metric(name).await).then_some(()) }).await;
    }
}

fn value(metrics: &Metrics, name: &str) -> f64 {
    metrics.sum(&format!("flowguard_store_{name}"), &[])
}

fn is_none(value: f64) -> bool {
    value < 0.5
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_killed_is_told_and_nobody_is_sent_elsewhere_until_it_is_back() {
    let options = ["--appendonly", "yes", "--appendfsync", "everysec"];
    let mut world = World::start(&options, &[]).await;
    world.is_healthy().await;
    world.is_ready().await;
    world.reaches("call_duration_seconds_count", |calls| calls > 0.5).await;
    let metrics = world.control_plane.metrics().await;
    for name in ["circuit_open", "merges_total", "disagreements_total", "call_failures_total"] {
        assert!(is_none(value(&metrics, name)), "{name}: {metrics:?}");
    }

    world.redis.process().kill();
    let reason = world.is_degraded().await;
    assert!(reason.contains("requests are decided here, by a part of each limit"), "{reason}");
    world.is_ready().await;
    assert!(!is_none(world.metric("circuit_open").await));
    let metrics = world.control_plane.metrics().await;
    let unreachable =
        metrics.value("flowguard_store_call_failures_total", &[("reason", "unreachable")]);
    assert!(unreachable.is_some_and(|times| times > 0.5), "{metrics:?}");
    world.reaches("configuration_age_seconds", |age| age > 2.0).await;

    world.redis.restart().await;
    world.is_healthy().await;
    world.is_ready().await;
    assert!(is_none(world.metric("circuit_open").await));
    assert!(!is_none(world.metric("merges_total").await));
    world.reaches("configuration_age_seconds", |age| age < 1.0).await;
    let log = world.control_plane.log();
    for words in ["the shared store is away (", "the shared store is back", "may have lost"] {
        assert!(log.contains(words), "{words}: {log}");
    }
    // It was tried again four times a second, which is told when the reason is another one.
    let refused = log.matches("configure cannot be put in force: the store is unavailable").count();
    assert!((1..=3).contains(&refused), "{refused}: {log}");
    assert!(!log.contains(" ERROR "), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_stands_still_is_told_by_what_becomes_of_requests() {
    let mut world = World::start(&[], &[("STORE_FAILURE_MODE", "closed")]).await;
    world.is_healthy().await;
    world.redis.process().freeze();
    let reason = world.is_degraded().await;
    assert!(reason.contains("requests have no decision, and meet FAILURE_MODE"), "{reason}");
    world.is_ready().await;
    world.reaches("call_failures_total", |failures| failures > 0.5).await;
    // Nobody waits for ever, neither who follows nor who writes.
    let admin = world.control_plane.admin();
    let written = soon("an answer", admin.put("a", &json!({"rpm": 1}))).await;
    assert_eq!(written.status, 503, "{}", written.text());
    let (_, reasons) = world.health().await;
    assert!(reasons.iter().any(|reason| reason.contains("what others configure")), "{reasons:?}");
    world.redis.process().thaw();
    world.is_healthy().await;
    assert!(is_none(world.metric("merges_total").await), "it has lost nothing");
}

/// Deletes something in the store beside all control planes, which is told, and in force no more.
async fn check_that_what_is_deleted_is_told(deleted: &[&[u8]], is_left: &str, told: &str) {
    let world = World::start(&[], &[("DEMO_CLIENTS", "false")]).await;
    let admin = world.control_plane.admin();
    for client in ["a", "b"] {
        admin.put_client(client, 1, None).await;
    }
    admin.put_limit("all", &json!({"match": {}, "concurrent": 5})).await;
    // By its hash, for it is deleted by its name.
    let key =
        json!({"client_id": "b", "sha256": "0a".repeat(32), "created_at": "2026-11-27T09:00:00Z"});
    let mut document = world.get_at(world.control_plane.rest_address(), "/api/v1/config").await;
    document["keys"] = json!({ "KeyPart00001": key });
    let written = admin.http().request(Method::PUT, "/api/v1/config").json(&document).send().await;
    assert_eq!(written.status, 200, "{}", written.text());
    world.redis.command(deleted).await;
    eventually("it is told", || async {
        world.control_plane.log().contains("somebody deleted it there").then_some(())
    })
    .await;
    let log = world.control_plane.log();
    let warned = log.lines().find(|line| line.contains("somebody deleted it there"));
    let warned = warned.expect("it was there");
    assert!(warned.contains(" WARN ") && warned.contains(told), "{warned}");
    eventually_equal("clients", is_left.to_owned(), || async {
        let clients = world.get_at(world.control_plane.rest_address(), "/api/v1/clients").await;
        let ids = clients["clients"].as_object().expect("clients by their ids").keys();
        ids.map(String::as_str).collect::<Vec<_>>().join(" ")
    })
    .await;
    // What is configured then is as ever.
    admin.put_client("a", 1, None).await;
    world.is_healthy().await;
    let log = world.control_plane.log();
    assert_eq!(log.matches("somebody deleted it there").count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_deleted_in_the_store_by_hand_is_told_by_its_number_and_in_force_no_more() {
    const ROWS: &[u8] = b"{flowguard}:config:rows";
    let row: [&[u8]; 5] = [b"HDEL", ROWS, b"ca", b"lall", b"kKeyPart00001b"];
    check_that_what_is_deleted_is_told(&row, "b", "clients=1 limits=1 models=0 keys=1").await;
    check_that_what_is_deleted_is_told(&[b"DEL", ROWS], "", "clients=2 limits=1 models=0 keys=1")
        .await;
    check_that_what_is_deleted_is_told(&[b"FLUSHALL"], "", "clients=2 limits=1 models=0 keys=1")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_control_plane_removes_is_told_as_removed_and_no_loss() {
    let world = World::start(&[], &[("DEMO_CLIENTS", "false")]).await;
    let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
    let url = format!("redis://{}", world.redis.address());
    let settings = [("STORE_URL", url.as_str()), ("DEMO_CLIENTS", "false")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let other = ControlPlane::start(settings.into(), folder.path().to_owned()).await;
    let clients = ["a", "b", "c"];
    for client in clients {
        world.control_plane.admin().put_client(client, 1, None).await;
    }
    for client in clients {
        let removed = world.control_plane.admin().delete(client).await;
        assert_eq!(removed.status, 200, "{}", removed.text());
    }
    eventually("the other one says so", || async {
        let log = other.log();
        let removed = log.lines().filter_map(|line| line.split_once("clients_removed="));
        let removed = removed.filter_map(|(_, rest)| rest.split(' ').next()?.parse::<u64>().ok());
        (removed.sum::<u64>() == 3).then_some(())
    })
    .await;
    for log in [world.control_plane.log(), other.log()] {
        assert!(!log.contains("somebody deleted it there"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_begins_to_throw_away_what_was_spent_is_told_until_it_keeps_it_again() {
    let world = World::start(&[], &[]).await;
    world.is_healthy().await;
    let is_set = async |policy: &str| {
        let set = [&b"CONFIG"[..], b"SET", b"maxmemory-policy", policy.as_bytes()];
        world.redis.command(&set).await;
        // As where another server takes over, which is run in another way.
        world.redis.command(&[b"CLIENT", b"KILL", b"TYPE", b"normal"]).await;
    };
    is_set("allkeys-lru").await;
    let words = "the shared store has maxmemory-policy allkeys-lru, and throws away what clients have \
                 spent when memory is short: set it to noeviction";
    eventually("it is told", || async {
        let (status, reasons) = world.health().await;
        (status == "degraded" && reasons == [words]).then_some(())
    })
    .await;
    world.is_ready().await;
    is_set("noeviction").await;
    world.is_healthy().await;
    let log = world.control_plane.log();
    assert!(
        log.contains("when memory is short (maxmemory-policy allkeys-lru): set it to"),
        "{log}"
    );
    assert!(log.contains("the shared store throws nothing away any more"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_says_in_one_line_which_store_it_found_and_how_its_clock_goes() {
    let world = World::start(&["--appendonly", "yes"], &[("LOG_FORMAT", "json")]).await;
    let log = world.control_plane.log();
    let line = log.lines().find(|line| line.contains(" answers")).expect("a line of the store");
    let line: Value = serde_json::from_str(line).expect("JSON");
    let found = &line["fields"];
    assert_eq!(found["message"], format!("the store redis://{} answers", world.redis.address()));
    assert_eq!(found["topology"], "single", "{line}");
    assert_eq!(found["maxmemory_policy"], "noeviction", "{line}");
    assert_eq!(found["append_only_file"], true, "{line}");
    assert_eq!(found["replicas"], 0, "{line}");
    assert!(found["version"].as_str().is_some_and(|version| version.contains('.')), "{line}");
    // Both are this machine's clock.
    let [ahead, within] =
        ["clock_ahead_ms", "clock_within_ms"].map(|name| found[name].as_i64().expect("a number"));
    assert!(ahead.abs() <= within + 1, "{line}");
    assert!(!log.contains("let both follow NTP"), "{log}");
    assert!(!log.contains("no append-only file"), "{log}");
    assert!(log.contains("the store has no replica"), "{log}");
}
