//! A whole FlowGuard on free loopback ports: mock LLM, control plane, Envoys, and what a test adds.

use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use http::Method;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use crate::admin::Admin;
use crate::control_plane::{ControlPlane, Settings};
use crate::deadline::SOON;
use crate::discovery::Discovered;
use crate::envoy::{Envoy, EnvoyPorts};
use crate::grpc::GrpcClient;
use crate::http_client::HttpClient;
use crate::process;
use crate::prometheus::Prometheus;
use crate::relay::Relay;
use crate::secrets;
use crate::tools;
use crate::yaml_block::YamlBlock;
use mock_llm::MockLlm;

/// With this variable each stack has twenty limits that match nothing: nothing may notice them.
const IDLE_LIMITS: &str = "FLOWGUARD_TEST_IDLE_LIMITS";

/// A running stack. Everything ends with it; when a test is failing, the ends of all logs are
/// printed.
///
/// The fields are in the order in which they are dropped.
#[derive(Debug)]
pub struct TestStack {
    /// The Envoys, at least one.
    pub envoys: Vec<Envoy>,
    /// The network between the Envoys and the control plane, when the builder was asked for it.
    pub relay: Option<Relay>,
    /// Prometheus, when the builder was asked for it.
    pub prometheus: Option<Prometheus>,
    /// The control plane of all Envoys, or the first one of several.
    pub control_plane: ControlPlane,
    /// The others, when the builder was asked for them.
    pub other_control_planes: Vec<ControlPlane>,
    /// The upstream of all Envoys.
    pub upstream: MockLlm,
    builder: StackBuilder,
    folder: TempDir,
}

/// How a stack is to be; the default is one Envoy with one worker and the default settings, but
/// for a decision timeout that a busy machine can't run into and no demo clients.
#[derive(Debug)]
pub struct StackBuilder {
    settings: Settings,
    envoys: usize,
    control_planes: usize,
    asking: Asking,
    workers: usize,
    layout: Layout,
    filter: Option<PathBuf>,
    decide_token: Option<PathBuf>,
    upstream_path: &'static str,
    upstream: Option<String>,
    relay: bool,
    prometheus: bool,
    whole_admin: bool,
    /// Parts of Envoy's configuration that other ones take the place of, in turn.
    replaced: Vec<(&'static str, String)>,
}

/// Which control planes an Envoy has in its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    /// One of them, each Envoy the next one.
    One,
    /// All of them.
    All,
}

/// How the Envoys get their configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// In one file, which they read when they start.
    OneFile,
    /// The same, but that they discover a part of it.
    Split(Discovered),
    /// In the files of `flowguard envoy-config --discovery-folder`.
    Folder,
}

impl TestStack {
    /// What can be chosen.
    pub fn builder() -> StackBuilder {
        let settings = [
            ("BIND_ADDRESS", "127.0.0.1"),
            ("DECISION_TIMEOUT_MS", "5000"),
            ("DEMO_CLIENTS", "false"),
        ];
        StackBuilder {
            settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            envoys: 1,
            control_planes: 1,
            asking: Asking::One,
            workers: 1,
            layout: Layout::OneFile,
            filter: None,
            decide_token: None,
            upstream_path: "",
            upstream: None,
            relay: false,
            prometheus: false,
            whole_admin: false,
            replaced: Vec::new(),
        }
    }

    /// Starts the default stack.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// The first Envoy.
    pub fn envoy(&self) -> &Envoy {
        &self.envoys[0]
    }

    /// An HTTP/1.1 client of the first Envoy's proxy port.
    pub fn proxy(&self) -> HttpClient {
        HttpClient::http1(self.proxy_address())
    }

    /// Where the first Envoy serves API traffic.
    pub fn proxy_address(&self) -> SocketAddr {
        self.envoy().proxy_address()
    }

    /// The REST API.
    pub fn admin(&self) -> Admin {
        self.control_plane.admin()
    }

    /// Changes a setting of the Envoys' while they run, without waiting for them; it is one that
    /// concerns what [`StackBuilder::discovered`] or [`StackBuilder::following_files`] says.
    pub async fn reconfigure(&mut self, setting: &str, value: &str) {
        assert_ne!(self.builder.layout, Layout::OneFile, "the Envoys discover nothing");
        self.builder.settings.insert(setting.to_owned(), value.to_owned());
        for (index, envoy) in self.envoys.iter().enumerate() {
            self.builder.envoy_config(&envoy_name(index), envoy.ports(), self.folder.path()).await;
        }
    }

    /// Changes the text of what the Envoys discover, whatever they make of it, without waiting for
    /// them.
    pub fn rewrite_discovered(&self, change: impl Fn(&str) -> String) {
        for index in 0..self.envoys.len() {
            let file = discovered_file(self.folder.path(), &envoy_name(index));
            let text = std::fs::read_to_string(&file);
            let text =
                text.unwrap_or_else(|error| panic!("can't read {}: {error}", file.display()));
            move_into_place(&file, &change(&text));
        }
    }

    /// The gRPC API.
    pub fn grpc(&self) -> GrpcClient {
        GrpcClient::new(self.control_plane.grpc_address())
    }
}

impl StackBuilder {
    /// Sets an environment variable of the control plane and of the Envoy configuration.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_string());
        self
    }

    /// How many Envoys share the control plane.
    #[must_use]
    pub fn envoys(self, envoys: usize) -> Self {
        Self { envoys, ..self }
    }

    /// How many control planes there are, which share a store. The Envoys have one after the other,
    /// unless [`Self::asking_all`] is said.
    #[must_use]
    pub fn control_planes(self, control_planes: usize) -> Self {
        Self { control_planes, ..self }
    }

    /// Each Envoy has all control planes in its configuration.
    #[must_use]
    pub fn asking_all(self) -> Self {
        Self { asking: Asking::All, ..self }
    }

    /// How many worker threads each Envoy has.
    #[must_use]
    pub fn workers(self, workers: usize) -> Self {
        Self { workers, ..self }
    }

    /// The filter's mode.
    #[must_use]
    pub fn mode(self, mode: &str) -> Self {
        self.setting("FLOWGUARD_MODE", mode)
    }

    /// What the Envoys discover in a file, so that [`TestStack::reconfigure`] can change it.
    #[must_use]
    pub fn discovered(self, discovered: Discovered) -> Self {
        Self { layout: Layout::Split(discovered), ..self }
    }

    /// The Envoys follow the files of `flowguard envoy-config --discovery-folder`, so that
    /// [`TestStack::reconfigure`] can change them.
    #[must_use]
    pub fn following_files(self) -> Self {
        Self { layout: Layout::Folder, ..self }
    }

    /// Another filter than the one that was built.
    #[must_use]
    pub fn filter(self, filter: PathBuf) -> Self {
        Self { filter: Some(filter), ..self }
    }

    /// The Envoys show the token in this file.
    #[must_use]
    pub fn decide_token(self, file: PathBuf) -> Self {
        Self { decide_token: Some(file), ..self }
    }

    /// A path prefix in `UPSTREAM_URL`.
    #[must_use]
    pub fn upstream_path(self, path: &'static str) -> Self {
        Self { upstream_path: path, ..self }
    }

    /// The origin (`https://host:port`) of an upstream other than the mock LLM.
    #[must_use]
    pub fn upstream(self, origin: String) -> Self {
        Self { upstream: Some(origin), ..self }
    }

    /// Puts a [`Relay`] between the Envoys and the control plane.
    #[must_use]
    pub fn with_relay(self) -> Self {
        Self { relay: true, ..self }
    }

    /// Adds a Prometheus that scrapes the control plane and the Envoys.
    #[must_use]
    pub fn with_prometheus(self) -> Self {
        Self { prometheus: true, ..self }
    }

    /// Opens every page of Envoy's admin interface, for a test that has to tell Envoy to do
    /// something.
    #[must_use]
    pub fn with_whole_admin(self) -> Self {
        Self { whole_admin: true, ..self }
    }

    /// Puts `by` in the place of `part`, which stands in Envoy's configuration once: what an operator
    /// adds to it.
    #[must_use]
    pub fn replacing(mut self, part: &'static str, by: String) -> Self {
        self.replaced.push((part, by));
        self
    }

    /// Starts all parts and waits until they are ready.
    pub async fn start(mut self) -> TestStack {
        let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
        let upstream = MockLlm::start().await;
        let origin =
            self.upstream.clone().unwrap_or_else(|| format!("http://{}", upstream.address()));
        let upstream_url = format!("{origin}{}", self.upstream_path);
        self.settings.insert("UPSTREAM_URL".to_owned(), upstream_url);
        let control_plane =
            ControlPlane::start(self.settings.clone(), folder.path().to_owned()).await;
        // Who needs a token for it has other limits than these in mind.
        let is_open = self.settings.get("ADMIN_AUTH").is_none_or(|auth| auth == "off");
        if is_open && env::var_os(IDLE_LIMITS).is_some() {
            put_idle_limits(&control_plane).await;
        }
        let decision_address = control_plane.decision_address();
        let relay = if self.relay { Some(Relay::start(decision_address).await) } else { None };
        let decision_address = relay.as_ref().map_or(decision_address, Relay::address);
        let mut other_control_planes = Vec::new();
        for number in 1..self.control_planes {
            let log_folder = folder.path().join(format!("control-plane-{number}"));
            std::fs::create_dir(&log_folder).expect("a folder for its log");
            let other = ControlPlane::start(self.settings.clone(), log_folder).await;
            other_control_planes.push(other);
        }
        if self.asking == Asking::All {
            let others = other_control_planes.iter().map(ControlPlane::decision_address);
            let all: Vec<_> =
                [decision_address].into_iter().chain(others).map(|at| at.to_string()).collect();
            self.settings.insert("CONTROL_PLANES".to_owned(), all.join(","));
        }
        let first = decision_address.port();
        let mut envoys = Vec::new();
        for index in 0..self.envoys {
            let (name, ports) = (envoy_name(index), EnvoyPorts::free());
            let other = (index % self.control_planes).checked_sub(1);
            let port = other.and_then(|other| other_control_planes.get(other));
            let port = port.map_or(first, |other| other.decision_address().port());
            self.settings.insert("DECISION_PORT".to_owned(), port.to_string());
            let config = self.envoy_config(&name, ports, folder.path()).await;
            envoys.push(Envoy::spawn(&name, &config, ports, self.workers, folder.path()));
        }
        for envoy in &mut envoys {
            envoy.wait_until_ready().await;
        }
        let prometheus = if self.prometheus {
            let admins: Vec<_> = envoys.iter().map(Envoy::admin_address).collect();
            let (metrics, folder) = (control_plane.metrics_address(), folder.path());
            Some(match self.settings.get("CONTROL_PLANE_CA_FILE").map(Path::new) {
                Some(ca) => Prometheus::start_over_tls(metrics, ca, &admins, folder).await,
                None => Prometheus::start(metrics, &admins, folder).await,
            })
        } else {
            None
        };
        self.settings.insert("DECISION_PORT".to_owned(), first.to_string());
        TestStack {
            envoys,
            relay,
            prometheus,
            control_plane,
            other_control_planes,
            upstream,
            builder: self,
            folder,
        }
    }

    /// The configuration that an Envoy is started with; what it discovers is written to its file.
    async fn envoy_config(&self, name: &str, ports: EnvoyPorts, folder: &Path) -> String {
        let filter = self.filter.clone().unwrap_or_else(tools::filter);
        let mut command = envoy_config_command(&self.settings, ports, &filter);
        if let Some(file) = &self.decide_token {
            command.arg("--decide-token-file").arg(file);
        }
        let mut config = if self.layout == Layout::Folder {
            let folder = folder.join(format!("{name}.followed"));
            printed(command.arg("--discovery-folder").arg(&folder)).await;
            std::fs::read_to_string(folder.join("envoy.yaml")).expect("it is written")
        } else {
            printed(&mut command).await
        };
        if self.whole_admin {
            let allowed = YamlBlock::find(&config, "allow_paths:");
            config = allowed.unwrap_or_else(|error| panic!("{error}")).removed();
        }
        for (part, by) in &self.replaced {
            assert_eq!(config.matches(part).count(), 1, "{part} stands there once:\n{config}");
            config = config.replacen(part, by, 1);
        }
        let Layout::Split(discovered) = self.layout else { return config };
        let file = discovered_file(folder, name);
        let (config, resource) =
            discovered.split(&config, &file).unwrap_or_else(|error| panic!("{error}"));
        move_into_place(&file, &resource);
        config
    }
}

fn discovered_file(folder: &Path, envoy: &str) -> PathBuf {
    folder.join(format!("{envoy}.discovered.yaml"))
}

/// Envoy reads a file again when it was moved into place.
fn move_into_place(file: &Path, text: &str) {
    let new_file = file.with_extension("new");
    std::fs::write(&new_file, text)
        .and_then(|()| std::fs::rename(&new_file, file))
        .unwrap_or_else(|error| panic!("can't write {}: {error}", file.display()));
}

fn envoy_name(index: usize) -> String {
    format!("envoy-{index}")
}

/// What `flowguard envoy-config` prints for these settings.
pub async fn envoy_config(settings: &Settings, ports: EnvoyPorts) -> String {
    printed(&mut envoy_config_command(settings, ports, &tools::filter())).await
}

fn envoy_config_command(settings: &Settings, ports: EnvoyPorts, filter: &Path) -> Command {
    let mut command = tools::flowguard();
    tools::clean_environment(&mut command);
    command.envs(settings);
    command.env("PROXY_PORT", ports.proxy.to_string());
    command.env("ENVOY_ADMIN_PORT", ports.admin.to_string());
    command.arg("envoy-config").arg("--filter").arg(filter);
    command.stdin(Stdio::null());
    Command::from(command)
}

/// What `flowguard envoy-config` prints.
async fn printed(command: &mut Command) -> String {
    let what = "flowguard envoy-config";
    let config = process::printed(what, SOON, command).await;
    secrets::none_in(what, config.as_bytes());
    config
}

async fn put_idle_limits(control_plane: &ControlPlane) {
    let admin = control_plane.admin();
    for number in 0..20 {
        let plan = format!("nobody-{number}");
        let limit = json!({"match": {"plan": plan}, "requests": 1, "per": "1s"});
        let path = format!("/api/v1/limits/idle-{number}");
        let answer = admin.http().request(Method::PUT, &path).json(&limit).send().await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
}
