//! A real Envoy as a child process.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use http::StatusCode;

use crate::control_plane::loopback;
use crate::deadline::eventually;
use crate::http_client::HttpClient;
use crate::metrics::Metrics;
use crate::ports::free_port;
use crate::process::Process;
use crate::secrets;
use crate::tools;

/// Where one Envoy listens.
#[derive(Clone, Copy, Debug)]
pub struct EnvoyPorts {
    /// `PROXY_PORT`.
    pub proxy: u16,
    /// `ENVOY_ADMIN_PORT`.
    pub admin: u16,
}

impl EnvoyPorts {
    /// Two free ports.
    pub fn free() -> Self {
        Self { proxy: free_port(), admin: free_port() }
    }
}

/// A running Envoy with the filter.
#[derive(Debug)]
pub struct Envoy {
    process: Process,
    ports: EnvoyPorts,
    admin: HttpClient,
}

impl Envoy {
    /// Starts one with this configuration, without waiting for it.
    pub fn spawn(
        name: &str,
        config: &str,
        ports: EnvoyPorts,
        workers: usize,
        folder: &Path,
    ) -> Self {
        let file = folder.join(format!("{name}.yaml"));
        std::fs::write(&file, config)
            .unwrap_or_else(|error| panic!("can't write {}: {error}", file.display()));
        let mut command = tools::envoy();
        tools::clean_environment(&mut command);
        command.arg("--config-path").arg(&file);
        command.args(["--concurrency", &workers.to_string()]);
        // Several Envoys on one machine must not share memory.
        command.arg("--use-dynamic-base-id");
        // A test that reads the access log waits for it no longer than this; 10 s is the default.
        command.args(["--file-flush-interval-msec", "50"]);
        Self {
            process: Process::spawn(name, command, folder),
            ports,
            admin: HttpClient::one_connection_each(loopback(ports.admin)),
        }
    }

    /// Waits until it serves.
    pub async fn wait_until_ready(&mut self) {
        eventually("a ready Envoy", || {
            let ended = self.process.exit_status();
            assert!(ended.is_none(), "Envoy ended: {ended:?}\n{}", self.process.log_tail());
            let request = self.admin.get("/ready");
            async move { request.try_send().await.ok().filter(|answer| answer.status == StatusCode::OK) }
        })
        .await;
    }

    /// The child process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Where it listens.
    pub fn ports(&self) -> EnvoyPorts {
        self.ports
    }

    /// Where it serves API traffic.
    pub fn proxy_address(&self) -> SocketAddr {
        loopback(self.ports.proxy)
    }

    /// Where its admin interface listens.
    pub fn admin_address(&self) -> SocketAddr {
        loopback(self.ports.admin)
    }

    /// The admin interface.
    pub fn admin(&self) -> &HttpClient {
        &self.admin
    }

    /// Envoy's own log so far.
    pub fn log(&self) -> String {
        self.process.stderr()
    }

    /// The access log so far.
    pub fn access_log(&self) -> String {
        self.process.stdout()
    }

    /// All counters and gauges whose name matches a regular expression.
    pub async fn stats(&self, name_pattern: &str) -> BTreeMap<String, u64> {
        let answer = self.admin.get(&format!("/stats?filter={name_pattern}")).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let text = answer.text();
        let counts = text.lines().filter_map(|line| line.split_once(": "));
        // A histogram's line holds no plain number.
        counts.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
    }

    /// One counter or gauge; 0 when Envoy has not made it yet.
    pub async fn stat(&self, name: &str) -> u64 {
        self.stats(name).await.get(name).copied().unwrap_or_default()
    }

    /// The page for Prometheus, as far as its names start with `prefix`.
    pub async fn metrics(&self, prefix: &str) -> Metrics {
        let answer = self.admin.get("/stats/prometheus").send().await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let page = answer.text();
        let ours = page
            .lines()
            .filter(|line| line.strip_prefix("# TYPE ").unwrap_or(line).starts_with(prefix));
        Metrics::parse(&ours.collect::<Vec<_>>().join("\n"))
    }
}

impl Drop for Envoy {
    /// Looks for secrets in what it shows while it runs.
    fn drop(&mut self) {
        if self.process.exit_status().is_none() {
            for path in ["/stats", "/stats/prometheus", "/config_dump"] {
                secrets::none_in_page(self.admin_address(), path);
            }
        }
    }
}
