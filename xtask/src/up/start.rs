//! Starts one program of a stack and waits until it is ready.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use supervisor::{Logs, Reach, Service, leash};

use super::http;
use super::parts::{Flowguard, Parts};
use super::services::Services;
use super::settings::Settings;

/// How long a program may take until it is ready. Envoy compiles the filter first, on a busy
/// machine for seconds.
pub(super) const READY_TIMEOUT: Duration = Duration::from_mins(1);

const MOCK_GRACE: Duration = Duration::from_secs(2);
/// The control plane drains what it serves before it ends.
const CONTROL_PLANE_GRACE: Duration = Duration::from_secs(10);
const ENVOY_GRACE: Duration = Duration::from_secs(5);

/// The mock LLM; tells its address.
pub(super) fn mock(services: &mut Services, program: &Path, folder: &Path) -> Result<String> {
    let mut command = leash::leashed(program);
    command.args(["--port", "0"]);
    let mock = Service::start(
        "the mock LLM",
        &mut command,
        Logs::together(folder.join("mock-llm.log")).emptied()?,
        Reach::Group,
    )?;
    services.push(mock, MOCK_GRACE, READY_TIMEOUT, |mock| announced_url(&mock.stdout()))
}

/// The address in the line by which the mock LLM tells the port it chose.
fn announced_url(logged: &str) -> Option<String> {
    // Only whole lines: the last one may still be under way.
    let (lines, _) = logged.rsplit_once('\n')?;
    lines
        .lines()
        .find_map(|line| line.strip_prefix("listening on "))
        .map(|url| url.trim().to_owned())
}

/// A control plane with these settings, which are those of `flowguard`.
pub(super) fn control_plane(
    services: &mut Services,
    name: &str,
    (flowguard, settings): (&Flowguard, &Settings),
    folder: &Path,
) -> Result<()> {
    let control_plane = Service::start(
        name,
        &mut flowguard.serve(),
        Logs::together(folder.join("control-plane.log")).emptied()?,
        Reach::Group,
    )?;
    let rest = settings.reachable("CONFIG_PORT")?;
    services.push(control_plane, CONTROL_PLANE_GRACE, READY_TIMEOUT, |_| {
        http::answers_ok(rest, "/health").then_some(())
    })
}

/// An Envoy with the filter, which asks the control planes that `flowguard` names.
pub(super) fn envoy(
    services: &mut Services,
    name: &str,
    parts: &Parts,
    (flowguard, settings): (&Flowguard, &Settings),
    folder: &Path,
) -> Result<()> {
    let filter = parts
        .filter
        .to_str()
        .with_context(|| format!("{} is not UTF-8", parts.filter.display()))?;
    let config = folder.join("envoy.yaml");
    fs::write(&config, flowguard.envoy_config(filter)?)
        .with_context(|| format!("can't write {}", config.display()))?;
    let level = settings.get("LOG_LEVEL")?;
    let mut command = leash::leashed(&parts.envoy);
    command.arg("--config-path").arg(&config).args([
        // Several Envoys on one machine would meet in the shared memory of the default id.
        "--use-dynamic-base-id",
        "--log-level",
        envoy_log_level(level),
        "--component-log-level",
        &format!("wasm:{level}"),
    ]);
    let logs = Logs { stdout: folder.join("access.log"), stderr: folder.join("envoy.log") };
    let envoy = Service::start(name, &mut command, logs.emptied()?, Reach::Group)?;
    let admin = settings.envoy_admin()?;
    services.push(envoy, ENVOY_GRACE, READY_TIMEOUT, |_| {
        http::answers_ok(admin, "/ready").then_some(())
    })
}

/// Envoy tells at `info` what FlowGuard tells at `debug`.
fn envoy_log_level(level: &str) -> &str {
    if level == "info" { "warn" } else { level }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mock_s_address_is_read_once_its_line_is_whole() {
        assert_eq!(announced_url(""), None);
        assert_eq!(announced_url("listening on http://127.0.0.1:34"), None);
        assert_eq!(
            announced_url("listening on http://127.0.0.1:34567\nmore").as_deref(),
            Some("http://127.0.0.1:34567")
        );
    }
}
