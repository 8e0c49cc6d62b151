//! A control plane as a child process, on ports that it keeps over restarts.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use http::StatusCode;

use crate::admin::Admin;
use crate::deadline::eventually;
use crate::http_client::HttpClient;
use crate::metrics::Metrics;
use crate::ports::free_port;
use crate::process::Process;
use crate::secrets;
use crate::tools;

/// Settings by the names of their environment variables.
pub type Settings = BTreeMap<String, String>;

/// The control plane of a stack.
#[derive(Debug)]
pub struct ControlPlane {
    process: Process,
    settings: Settings,
    ports: ControlPlanePorts,
    /// Where it says whether it is ready.
    health_port: u16,
    log_folder: PathBuf,
}

/// Where a control plane listens.
#[derive(Clone, Copy, Debug)]
pub struct ControlPlanePorts {
    /// `METRICS_PORT`.
    pub metrics: u16,
    /// `CONFIG_PORT`.
    pub config: u16,
    /// `GRPC_PORT`.
    pub grpc: u16,
    /// `DECISION_PORT`.
    pub decision: u16,
}

impl ControlPlanePorts {
    /// Four free ports.
    pub fn free() -> Self {
        Self { metrics: free_port(), config: free_port(), grpc: free_port(), decision: free_port() }
    }

    /// As settings.
    pub fn settings(self) -> Settings {
        let ports = [
            ("METRICS_PORT", self.metrics),
            ("CONFIG_PORT", self.config),
            ("GRPC_PORT", self.grpc),
            ("DECISION_PORT", self.decision),
        ];
        ports.into_iter().map(|(name, port)| (name.to_owned(), port.to_string())).collect()
    }
}

impl ControlPlane {
    /// Starts one with these settings and waits until it is ready. It keeps nothing, unless they
    /// name a folder.
    pub async fn start(mut settings: Settings, log_folder: PathBuf) -> Self {
        let ports = ControlPlanePorts::free();
        settings.extend(ports.settings());
        settings.entry("DATA_DIR".to_owned()).or_insert_with(|| "memory".to_owned());
        let mut health_port = ports.config;
        if settings.contains_key("TLS_CERT_FILE") {
            health_port = free_port();
            settings.insert("HEALTH_PORT".to_owned(), health_port.to_string());
        }
        let process = spawn(&settings, &log_folder);
        let mut control_plane = Self { process, settings, ports, health_port, log_folder };
        control_plane.wait_until_ready().await;
        control_plane
    }

    /// The child process, to freeze or to terminate it, or to read its log.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The log so far.
    pub fn log(&self) -> String {
        self.process.stderr()
    }

    /// Starts it anew with the same settings on the same ports, after the old process has gone, and
    /// waits until it is ready.
    pub async fn restart(&mut self) {
        self.process.kill();
        self.process = spawn(&self.settings, &self.log_folder);
        self.wait_until_ready().await;
    }

    /// The REST API.
    pub fn admin(&self) -> Admin {
        Admin::new(self.rest_address())
    }

    /// Where `/health` is answered without TLS.
    pub fn health_address(&self) -> SocketAddr {
        loopback(self.health_port)
    }

    /// `CONFIG_PORT`.
    pub fn rest_address(&self) -> SocketAddr {
        loopback(self.ports.config)
    }

    /// `GRPC_PORT`.
    pub fn grpc_address(&self) -> SocketAddr {
        loopback(self.ports.grpc)
    }

    /// `METRICS_PORT`.
    pub fn metrics_address(&self) -> SocketAddr {
        loopback(self.ports.metrics)
    }

    /// `DECISION_PORT`.
    pub fn decision_address(&self) -> SocketAddr {
        loopback(self.ports.decision)
    }

    /// The metrics page, read now.
    pub async fn metrics(&self) -> Metrics {
        let client = HttpClient::one_connection_each(self.metrics_address());
        let answer = client.get("/metrics").send().await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        Metrics::parse(&answer.text())
    }

    async fn wait_until_ready(&mut self) {
        let health = HttpClient::one_connection_each(self.health_address());
        eventually("a ready control plane", || {
            let ended = self.process.exit_status();
            assert!(ended.is_none(), "the control plane ended: {ended:?}\n{}", self.process.log_tail());
            let request = health.get("/health");
            async move { request.try_send().await.ok().filter(|answer| answer.status == StatusCode::OK) }
        })
        .await;
    }
}

impl Drop for ControlPlane {
    /// Looks for secrets in what it shows while it runs, and in what it has written.
    fn drop(&mut self) {
        if self.process.exit_status().is_none() {
            secrets::none_in_page(self.metrics_address(), "/metrics");
            for path in ["/health", "/api/v1/audit?limit=1000"] {
                secrets::none_in_page(self.rest_address(), path);
            }
        }
        let named = |name: &str| self.settings.get(name).map(PathBuf::from);
        if let Some(audit) = named("AUDIT_FILE") {
            let folder = audit.parent().unwrap_or(Path::new(""));
            let stem = audit.file_stem().unwrap_or_default().to_string_lossy();
            secrets::none_in_files(folder, &stem);
        }
        if let Some(data) = named("DATA_DIR") {
            // Of a key it keeps what tells it, and not itself.
            secrets::none_in_files(&data, "");
        }
    }
}

fn spawn(settings: &Settings, log_folder: &std::path::Path) -> Process {
    let mut command = tools::flowguard();
    tools::clean_environment(&mut command);
    command.envs(settings);
    Process::spawn("flowguard", command, log_folder)
}

/// An address on 127.0.0.1.
pub(crate) fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
