//! A disk without room: what is in force stays so, requests are decided, and writes are refused
//! until there is room.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use harness::admin::Admin;
use harness::check;
use harness::control_plane::{ControlPlanePorts, Settings};
use harness::deadline::eventually;
use harness::envoy::{Envoy, EnvoyPorts};
use harness::grpc::GrpcClient;
use harness::http_client::{Answer, HttpClient};
use harness::process::Process;
use harness::{stack, tools};
use http::{Method, StatusCode};
use mock_llm::MockLlm;
use serde_json::json;
use tempfile::TempDir;

const MOUNT: &str = "mount -t tmpfs -o size=256k tmpfs \"$0\"";

/// Requests per minute of a client that was configured while there was room.
const LIMIT: u64 = 20;

/// A control plane whose folder is on a small disk, which is mounted for this process alone.
struct OnSmallDisk {
    process: Process,
    settings: Settings,
    ports: ControlPlanePorts,
    disk: TempDir,
    logs: TempDir,
}

impl OnSmallDisk {
    /// `None` where the machine lets nobody mount one.
    async fn start() -> Option<Self> {
        let disk = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
        let tried = on_small_disk(&disk, "true", OsStr::new("")).output();
        if !tried.is_ok_and(|output| output.status.success()) {
            println!("skipped: no disk can be mounted here");
            return None;
        }
        let logs = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
        let ports = ControlPlanePorts::free();
        let mut settings = ports.settings();
        settings.insert("DATA_DIR".to_owned(), disk.path().join("data").display().to_string());
        settings.insert("DEMO_CLIENTS".to_owned(), "false".to_owned());
        // Its lines are of any length: where a long one found no room, a short one may.
        let audit = logs.path().join("audit.jsonl");
        settings.insert("AUDIT_FILE".to_owned(), audit.display().to_string());
        let mut command = on_small_disk(&disk, "exec \"$1\"", tools::flowguard().get_program());
        command.envs(&settings);
        let process = Process::spawn("flowguard", command, logs.path());
        let started = Self { process, settings, ports, disk, logs };
        let http = started.http();
        eventually("a ready control plane", || async { http.get("/health").try_send().await.ok() })
            .await;
        Some(started)
    }

    /// An Envoy that asks it.
    async fn envoy(&self, upstream: &MockLlm) -> Envoy {
        let mut settings = self.settings.clone();
        settings.insert("UPSTREAM_URL".to_owned(), format!("http://{}", upstream.address()));
        settings.insert("DECISION_TIMEOUT_MS".to_owned(), "5000".to_owned());
        let ports = EnvoyPorts::free();
        let config = stack::envoy_config(&settings, ports).await;
        let mut envoy = Envoy::spawn("envoy", &config, ports, 1, self.logs.path());
        envoy.wait_until_ready().await;
        envoy
    }

    fn rest_address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports.config))
    }

    fn http(&self) -> HttpClient {
        HttpClient::one_connection_each(self.rest_address())
    }

    fn grpc(&self) -> GrpcClient {
        GrpcClient::new(SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports.grpc)))
    }

    async fn put(&self, number: u32) -> Answer {
        let path = format!("/api/v1/clients/{number:0128}");
        self.http().request(Method::PUT, &path).json(&json!({"rpm": number})).send().await
    }

    /// Configures clients until one is refused; how many there are then.
    async fn fill(&self) -> u32 {
        let mut fitting = 0;
        loop {
            let answer = self.put(fitting + 1).await;
            if answer.status != StatusCode::CREATED {
                check::failed(&answer, 507, "storage_full");
                return fitting;
            }
            fitting += 1;
            assert!(fitting < 10_000, "the disk does not fill up");
        }
    }

    fn grow(&self) {
        let grown = Command::new("nsenter")
            .args(["--preserve-credentials", "--user", "--mount", "--target"])
            .arg(self.process.id().to_string())
            .args(["mount", "-o", "remount,size=1m"])
            .arg(self.disk.path())
            .status();
        assert!(grown.is_ok_and(|status| status.success()), "the disk cannot grow");
    }
}

/// Runs `then` where a small disk is mounted on a folder; `$1` in it is `program`.
fn on_small_disk(folder: &TempDir, then: &str, program: &OsStr) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
    command.arg(format!("{MOUNT} && {then}")).arg(folder.path()).arg(program);
    command
}

#[tokio::test]
async fn a_full_disk_refuses_writes_until_there_is_room_and_what_is_in_force_stays() {
    let Some(control_plane) = OnSmallDisk::start().await else { return };
    let fitting = control_plane.fill().await;
    check::failed(&control_plane.put(fitting + 1).await, 507, "storage_full");
    let clients = control_plane.http().get("/api/v1/clients").send().await.json();
    assert_eq!(clients["count"], json!(fitting));

    control_plane.grow();
    assert_eq!(control_plane.put(fitting + 1).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn on_a_full_disk_requests_are_decided_and_counted_as_ever() {
    let Some(control_plane) = OnSmallDisk::start().await else { return };
    let admin = Admin::new(control_plane.rest_address());
    admin.put_client("a", LIMIT, None).await;
    admin.put_client("free", None, None).await;
    control_plane.fill().await;

    let upstream = MockLlm::start().await;
    let envoy = control_plane.envoy(&upstream).await;
    let proxy = HttpClient::http1(envoy.proxy_address());
    let mut spent = 0;
    loop {
        let answer = proxy.post("/").client("a").tokens(1).send().await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            check::refused_for_now(&answer, &check::RPM_EXCEEDED);
            break;
        }
        check::admitted(&answer);
        spent += 1;
        // Between two requests, writes are refused by each API.
        check::failed(&admin.patch("a", &json!({"rpm": 1_000_000})).await, 507, "storage_full");
        check::failed(&admin.delete("a").await, 507, "storage_full");
    }
    assert!((LIMIT..=LIMIT + 10).contains(&spent), "{spent} requests of {LIMIT} a minute");
    let config = json!({"config": {"clientId": "a", "rpm": "1000000"}});
    let grpc = control_plane.grpc();
    let refused = grpc.call("flowguard.FlowGuardService/SetClientConfig", &config).await;
    assert_eq!(refused.expect_err("refused").code, "resource_exhausted");
    check::counted(&admin.stats("a").await, spent, 1, 0);

    // At the latest when the page that the journal has is full.
    let health = async || {
        check::admitted(&proxy.post("/").client("free").tokens(1).send().await);
        let health = control_plane.http().get("/health").send().await;
        assert_eq!(health.status, StatusCode::OK, "{}", health.text());
        health.json()
    };
    let told = eventually("that balances are not written down", async || {
        let health = health().await;
        (health["status"] == "degraded").then(|| health["reasons"][0].clone())
    });
    let told = told.await;
    let told = told.as_str().expect("a reason");
    assert!(told.starts_with("balances are not written down: no space is left"), "{told}");

    control_plane.grow();
    eventually("a snapshot", async || (health().await["status"] == "healthy").then_some(())).await;
    assert_eq!(admin.patch("a", &json!({"rpm": 1_000_000})).await.status, StatusCode::OK);
    check::admitted(&proxy.post("/").client("a").tokens(1).send().await);
    check::filter_is_unharmed(&envoy).await;
}
