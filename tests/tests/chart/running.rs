//! What the chart's pods say is run: the same arguments, variables, files and probes, with ports,
//! folders and the Service's name of this machine in place of the pod's.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use harness::deadline::{SOON, eventually, soon};
use harness::http_client::{Answer, HttpClient};
use harness::ports::free_port;
use harness::process::{Process, printed};
use harness::tools;
use mock_llm::MockLlm;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::helm::{Rendered, least, render};
use crate::pod::{containers, environment, texts};

/// Where a pod of the chart is run: a folder for its volumes, and a port for each of its own.
struct Node {
    folder: TempDir,
    ports: BTreeMap<String, u16>,
}

impl Node {
    fn new() -> Self {
        let ports = ["8080", "9090", "9091", "9092", "9095", "9901", "9902"];
        let ports = ports.map(|port| (port.to_owned(), free_port())).into();
        Self { folder: TempDir::with_prefix("flowguard-chart-").expect("a folder"), ports }
    }

    fn port(&self, named: &str) -> u16 {
        self.ports[named]
    }

    fn client(&self, port: &str) -> HttpClient {
        HttpClient::one_connection_each(([127, 0, 0, 1], self.port(port)).into())
    }

    /// The folder of a volume.
    fn volume(&self, name: &str) -> std::path::PathBuf {
        let folder = self.folder.path().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    /// What a text of the container means here: a port, a path in a volume, or all addresses.
    fn here(&self, container: &Value, text: &str) -> String {
        if let Some(port) = self.ports.get(text) {
            return port.to_string();
        }
        for mount in container["volumeMounts"].as_array().into_iter().flatten() {
            let path = mount["mountPath"].as_str().expect("a path");
            if let Ok(below) = Path::new(text).strip_prefix(path) {
                let volume = self.volume(mount["name"].as_str().expect("a name"));
                return volume.join(below).display().to_string();
            }
        }
        match text {
            "0.0.0.0" | "flowguard-decisions.limits.svc.cluster.local" => "127.0.0.1".to_owned(),
            other => other.to_owned(),
        }
    }

    fn environment(&self, container: &Value) -> BTreeMap<String, String> {
        let environment = environment(container).into_iter();
        environment.map(|(name, value)| (name, self.here(container, &value))).collect()
    }

    fn arguments(&self, container: &Value) -> Vec<String> {
        texts(&container["args"]).into_iter().map(|text| self.here(container, text)).collect()
    }

    /// Runs a command of a probe or of a hook, as Kubernetes does in the container.
    fn exec(&self, container: &Value, command: &Value) -> Command {
        let words = texts(command);
        let mut exec = Command::new(words[0]);
        exec.args(&words[1..]).env_clear().envs(self.environment(container));
        exec.env("PATH", std::env::var_os("PATH").expect("a PATH")).kill_on_drop(true);
        exec.stdin(Stdio::null());
        exec
    }

    async fn probe(&self, container: &Value, probe: &str) -> Result<Answer, String> {
        let request = &container[probe]["httpGet"];
        let mut ports = container["ports"].as_array().into_iter().flatten();
        let port = ports.find(|port| port["name"] == request["port"]).expect("the probe's port");
        let client = self.client(&port["containerPort"].to_string());
        client.get(request["path"].as_str().expect("a path")).try_send().await
    }
}

fn container<'a>(rendered: &'a Rendered, kind: &str, name: &str, container: &str) -> &'a Value {
    let pod = &rendered.one(kind, name)["spec"]["template"];
    let found = containers(pod).into_iter().find(|one| one["name"] == container);
    found.unwrap_or_else(|| panic!("no container {container}"))
}

/// A token that `flowguard` takes for what it is.
const TOKEN: &str = "fga_TestToken001_FirstSecretOfATestFirstSecretOfATestFirstSe_3GdzAW";

/// Starts the control plane's pod and waits until it is ready.
async fn start_control_plane(node: &Node, rendered: &Rendered) -> Process {
    let container = container(rendered, "StatefulSet", "flowguard", "flowguard");
    let clients = &rendered.one("ConfigMap", "flowguard-clients")["data"];
    for (file, content) in clients.as_object().expect("files") {
        let content = content.as_str().expect("a text");
        fs::write(node.volume("clients").join(file), content).expect("a file");
    }
    node.volume("data");
    // It has every scope, Envoy's too.
    fs::write(node.volume("auth").join("token"), TOKEN).expect("a file");
    let mut command = tools::flowguard();
    command.env_clear().envs(node.environment(container)).args(node.arguments(container));
    let process = Process::spawn("flowguard", command, node.folder.path());
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        eventually(probe, || async {
            node.probe(container, probe).await.ok().filter(|answer| answer.status.as_u16() == 200)
        })
        .await;
    }
    process
}

fn values(upstream: &MockLlm) -> Value {
    let mut values = least();
    values["settings"] = json!({
        "UPSTREAM_URL": format!("http://{}", upstream.address()),
        "DECISION_TIMEOUT_MS": 5000,
        // On this machine the pod's address is a loopback one.
        "ADMIN_AUTH": "required",
        "DECIDE_AUTH": "required",
    });
    values["clients"] = json!({ "team/a": { "rpm": 600, "tpm": 1_000_000_000_000_u64 } });
    values["envoy"] = json!({
        "enabled": true,
        "configImage": { "repository": "registry.example/envoy-config" },
        "concurrency": 1,
        "drainSeconds": 1,
    });
    values
}

#[tokio::test]
async fn the_control_planes_pod_serves_its_probes_its_clients_and_its_services_names() {
    let rendered = render(&values(&MockLlm::start().await));
    let node = Node::new();
    let mut process = start_control_plane(&node, &rendered).await;

    let bearer = format!("Bearer {TOKEN}");
    let ask = || node.client("9091").get("/api/v1/clients/team%2Fa");
    assert_eq!(ask().send().await.status.as_u16(), 401);
    let client = ask().header("authorization", &bearer).send().await;
    assert_eq!(client.json()["tpm"], 1_000_000_000_000_u64, "{}", client.text());
    let services = ["flowguard", "flowguard.limits", "flowguard.limits.svc.cluster.local"];
    for (host, status) in
        services.map(|name| (name, 200)).into_iter().chain([("evil.example", 421)])
    {
        for (port, path) in [("9090", "/metrics"), ("9091", "/api/v1/stats")] {
            let request = node.client(port).get(path).header("host", host);
            let answer = request.header("authorization", &bearer).send().await;
            assert_eq!(answer.status.as_u16(), status, "{host}{path}: {}", answer.text());
        }
    }
    let health = node.client("9091").get("/health").send().await.json();
    let data = node.volume("data").join("data");
    assert_eq!(health["data_dir"], data.to_str().expect("a path in UTF-8"), "{health}");
    process.terminate();
    assert!(process.wait_for_exit().await.success(), "{}", process.log_tail());
}

#[tokio::test]
async fn an_envoy_whose_pod_ends_ends_nobodys_request() {
    let upstream = MockLlm::start().await;
    let rendered = render(&values(&upstream));
    let node = Node::new();
    let _control_plane = start_control_plane(&node, &rendered).await;
    let envoy = container(&rendered, "Deployment", "flowguard-envoy", "envoy");
    let mut process = start_envoy(&node, &rendered).await;
    let ready = || async {
        let ready = node.exec(envoy, &envoy["readinessProbe"]["exec"]["command"]).output().await;
        ready.expect("bash runs").status.success().then_some(())
    };
    eventually("a ready Envoy", ready).await;

    let ask = |query: &str| {
        let body = json!({ "model": "m", "messages": [], "stream": true });
        let request = node.client("8080").post(&format!("/v1/chat/completions?{query}"));
        request.json(&body).client("team/a").tokens(1)
    };
    let gate = upstream.gate("slow");
    let mut slow = ask("chunks=2&gate=slow").open().await;
    assert!(slow.headers().get("connection").is_none());

    let mut hook = node.exec(envoy, &envoy["lifecycle"]["preStop"]["exec"]["command"]);
    let mut hook = hook.spawn().expect("bash runs");
    // Whoever is still sent here is served, and told not to come again.
    eventually("an answer that says to go elsewhere", || async {
        let answer = ask("chunks=1").send().await;
        assert_eq!(answer.status.as_u16(), 200, "{}", answer.text());
        (answer.header("connection") == Some("close")).then_some(())
    })
    .await;
    // It waits a second at the least, and then for the one that is under way.
    let stats = || async {
        let stats = node.client("9901").get("/stats?filter=downstream_rq_active").send().await;
        stats.text().contains("http.proxy.downstream_rq_active: 1").then_some(())
    };
    eventually("one request under way", stats).await;
    assert!(hook.try_wait().expect("a child").is_none(), "it did not wait for the request");
    gate.open();
    let mut body = Vec::new();
    while let Some(piece) = slow.next_chunk().await {
        body.extend_from_slice(&piece.expect("a whole response"));
    }
    assert!(body.ends_with(b"data: [DONE]\n\n"), "{}", String::from_utf8_lossy(&body));
    let ended = soon("the end of the hook", hook.wait()).await.expect("a child");
    assert!(ended.success(), "{ended}");
    process.terminate();
    process.wait_for_exit().await;
}

/// Runs the pod's first container to its end, and then Envoy.
async fn start_envoy(node: &Node, rendered: &Rendered) -> Process {
    let config = container(rendered, "Deployment", "flowguard-envoy", "envoy-config");
    let mut command = tools::flowguard();
    command.env_clear().envs(node.environment(config));
    command.arg("envoy-config").arg("--filter").arg(tools::filter());
    // It names the token's file, which is Envoy's alone.
    let envoy = container(rendered, "Deployment", "flowguard-envoy", "envoy");
    command.args(node.arguments(config).iter().map(|text| node.here(envoy, text)));
    let config = printed("flowguard envoy-config", SOON, &mut command.into()).await;
    fs::write(node.volume("config").join("envoy.yaml"), config).expect("a file");

    let container = container(rendered, "Deployment", "flowguard-envoy", "envoy");
    assert_eq!(container["command"], json!(["envoy"]));
    let mut command = tools::envoy();
    command.env_clear().envs(node.environment(container)).args(node.arguments(container));
    // Several Envoys on one machine must not share memory.
    command.arg("--use-dynamic-base-id");
    Process::spawn("envoy", command, node.folder.path())
}
