//! Starts the stack bottom up, each part once the one below is ready, and watches it until Ctrl-C.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use supervisor::{Logs, Reach, Service, leash};

use super::http;
use super::parts::Parts;
use super::services::Services;
use super::settings::Settings;
use super::summary::Summary;
use crate::workspace;

/// How long a program may take until it is ready. Envoy compiles the filter first, on a busy
/// machine for seconds.
const READY_TIMEOUT: Duration = Duration::from_mins(1);

const MOCK_GRACE: Duration = Duration::from_secs(2);
/// The control plane drains what it serves before it ends.
const CONTROL_PLANE_GRACE: Duration = Duration::from_secs(10);
const ENVOY_GRACE: Duration = Duration::from_secs(5);

/// Starts everything, tells where it is, and waits until Ctrl-C or until a part ends.
pub(crate) fn serve(mut parts: Parts, settings: &Settings) -> Result<()> {
    let folder = folder(settings)?;
    parts.flowguard.keep_in(&folder.join("data"));
    let mut services = Services::default();

    if let Some(mock) = &parts.mock {
        let url = start_mock(&mut services, mock, &folder)?;
        parts.flowguard.forward_to(url);
    }

    let control_plane = Service::start(
        "the control plane",
        &mut parts.flowguard.serve(),
        Logs::together(folder.join("control-plane.log")).emptied()?,
        Reach::Group,
    )?;
    let rest = settings.reachable("CONFIG_PORT")?;
    services.push(control_plane, CONTROL_PLANE_GRACE, READY_TIMEOUT, |_| {
        http::answers_ok(rest, "/health").then_some(())
    })?;

    start_envoy(&mut services, &parts, settings, &folder)?;

    let settings = parts.flowguard.settings()?;
    println!(
        "{}",
        Summary { settings: &settings, mock: parts.mock.is_some(), logs: &folder }.text()?
    );
    services.watch()?;
    eprintln!("stopping");
    services.stop();
    Ok(())
}

/// A folder for this stack's logs and Envoy's configuration. Two stacks can't share a proxy
/// address, so its name is free, and the next run on it replaces the logs of the last one.
fn folder(settings: &Settings) -> Result<PathBuf> {
    let socket = settings.reachable("PROXY_PORT")?;
    let name = format!("proxy-{}-{}", socket.ip().to_string().replace(':', "."), socket.port());
    let folder = workspace::target().join("up").join(name);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .with_context(|| format!("can't create {}", folder.display()))?;
    Ok(folder)
}

fn start_mock(services: &mut Services, program: &Path, folder: &Path) -> Result<String> {
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

fn start_envoy(
    services: &mut Services,
    parts: &Parts,
    settings: &Settings,
    folder: &Path,
) -> Result<()> {
    let filter = parts
        .filter
        .to_str()
        .with_context(|| format!("{} is not UTF-8", parts.filter.display()))?;
    let config = folder.join("envoy.yaml");
    fs::write(&config, parts.flowguard.envoy_config(filter)?)
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
    let envoy = Service::start("Envoy", &mut command, logs.emptied()?, Reach::Group)?;
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
