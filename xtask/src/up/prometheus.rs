//! Prometheus, which watches the control planes and the Envoys of `--scale`.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use supervisor::{Logs, Reach, Service, leash};

use super::http;
use super::services::Services;
use super::start::READY_TIMEOUT;
use crate::workspace;

const GRACE: Duration = Duration::from_secs(5);

/// What is watched.
#[derive(Debug)]
pub(super) struct Watched {
    /// The metrics of each control plane.
    pub(super) control_planes: Vec<SocketAddr>,
    /// The admin interface of each Envoy.
    pub(super) envoys: Vec<SocketAddr>,
}

/// Starts one with the rules of the containers, and tells where it is.
pub(super) fn start(
    services: &mut Services,
    program: &Path,
    port: u16,
    watched: &Watched,
    folder: &Path,
) -> Result<SocketAddr> {
    let config = folder.join("prometheus.yml");
    let rules = workspace::root().join("prometheus/rules");
    fs::write(&config, watched.config(&rules))
        .with_context(|| format!("can't write {}", config.display()))?;
    let socket = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
    let mut command = leash::leashed(program);
    command.arg(format!("--config.file={}", config.display()));
    command.arg(format!("--storage.tsdb.path={}", folder.join("prometheus").display()));
    command.arg(format!("--web.listen-address={socket}"));
    let logs = Logs::together(folder.join("prometheus.log")).emptied()?;
    let prometheus = Service::start("Prometheus", &mut command, logs, Reach::Group)?;
    services.push(prometheus, GRACE, READY_TIMEOUT, |_| {
        http::answers_ok(socket, "/-/ready").then_some(())
    })?;
    Ok(socket)
}

impl Watched {
    /// The alerts name the jobs.
    fn config(&self, rules: &Path) -> String {
        let targets = |sockets: &[SocketAddr]| {
            let sockets: Vec<_> = sockets.iter().map(|socket| format!("\"{socket}\"")).collect();
            sockets.join(", ")
        };
        format!(
            "global: {{ scrape_interval: 5s, scrape_timeout: 4s, evaluation_interval: 15s }}\n\
             rule_files: [\"{}\"]\n\
             scrape_configs:\n  \
               - job_name: flowguard\n    \
                 static_configs: [{{ targets: [{}] }}]\n  \
               - job_name: envoy\n    \
                 metrics_path: /stats/prometheus\n    \
                 static_configs: [{{ targets: [{}] }}]\n",
            rules.join("*.yml").display(),
            targets(&self.control_planes),
            targets(&self.envoys),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_watched_under_the_names_that_the_alerts_know() {
        let socket = |port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
        let watched =
            Watched { control_planes: vec![socket(1), socket(2)], envoys: vec![socket(3)] };
        assert_eq!(
            watched.config(Path::new("/a b")),
            r#"global: { scrape_interval: 5s, scrape_timeout: 4s, evaluation_interval: 15s }
rule_files: ["/a b/*.yml"]
scrape_configs:
  - job_name: flowguard
    static_configs: [{ targets: ["127.0.0.1:1", "127.0.0.1:2"] }]
  - job_name: envoy
    metrics_path: /stats/prometheus
    static_configs: [{ targets: ["127.0.0.1:3"] }]
"#
        );
    }
}
