//! The load: wrk with one thread, which asks the next request of a connection when the last one is answered.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use tokio::time::timeout;

use super::error::BenchError;
use super::scenario::Scenario;
use harness::tools;

/// How much longer than it was told wrk may take.
const GRACE: Duration = Duration::from_secs(20);

/// wrk with its script.
#[derive(Debug)]
pub(crate) struct Wrk {
    script: PathBuf,
}

/// What wrk saw in one run.
#[derive(Debug, Deserialize)]
pub(crate) struct Seen {
    /// Answered requests.
    pub(crate) requests: u32,
    duration_us: u64,
    p50_us: u32,
    p99_us: u32,
    /// Answers with a status of 400 or above.
    pub(crate) error_statuses: u32,
    socket_errors: u32,
}

impl Wrk {
    /// Puts the script into `folder`.
    pub(crate) fn new(folder: &Path) -> Result<Self, BenchError> {
        let script = folder.join("wrk.lua");
        std::fs::write(&script, include_str!("wrk.lua"))
            .map_err(|error| BenchError::write(&script, error))?;
        Ok(Self { script })
    }

    /// Loads `proxy` with the requests of a scenario's clients, which may have a key.
    pub(crate) async fn run(
        &self,
        proxy: SocketAddr,
        (scenario, key): (&Scenario, Option<&str>),
        connections: u32,
        seconds: u32,
    ) -> Result<Seen, BenchError> {
        let mut command = Command::from(tools::wrk());
        command.args(["--threads", "1", "--latency", "--timeout", "10s"]);
        command.args([
            "--connections",
            &connections.to_string(),
            "--duration",
            &format!("{seconds}s"),
        ]);
        command.arg("--script").arg(&self.script).arg(format!("http://{proxy}/"));
        command.args(["--", scenario.name, &scenario.clients.to_string()]).args(key);
        command.stdin(Stdio::null()).kill_on_drop(true);

        let run_timeout = Duration::from_secs(seconds.into()) + GRACE;
        let output = timeout(run_timeout, command.output())
            .await
            .map_err(|_| BenchError::Wrk(format!("did not end within {run_timeout:?}")))?
            .map_err(|error| BenchError::Wrk(format!("can't be run: {error}")))?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let seen = printed.lines().last().and_then(|line| serde_json::from_str::<Seen>(line).ok());
        match seen {
            Some(Seen { socket_errors: 1.., .. }) => Err(BenchError::Wrk(format!(
                "lost connections or got no answers: {}",
                printed.trim_end()
            ))),
            Some(Seen { requests: 0, .. }) => Err(BenchError::Wrk("got no answer".to_owned())),
            Some(seen) => Ok(seen),
            None => {
                let complaint = String::from_utf8_lossy(&output.stderr);
                Err(BenchError::Wrk(format!(
                    "ended without figures ({}): {}",
                    output.status,
                    complaint.trim_end()
                )))
            }
        }
    }
}

impl Seen {
    /// Answered requests per second.
    pub(crate) fn rps(&self) -> f64 {
        f64::from(self.requests) / Duration::from_micros(self.duration_us).as_secs_f64()
    }

    /// The median latency in µs.
    pub(crate) fn p50_us(&self) -> f64 {
        self.p50_us.into()
    }

    /// The latency in µs that 99 % of the requests stayed below.
    pub(crate) fn p99_us(&self) -> f64 {
        self.p99_us.into()
    }

    /// What so much time is for each request, in µs.
    pub(crate) fn per_request_us(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e6 / f64::from(self.requests)
    }
}
