//! Starts the stack bottom up, each part once the one below is ready, and watches it until Ctrl-C.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::parts::Parts;
use super::services::Services;
use super::settings::Settings;
use super::start;
use super::summary::Summary;
use crate::workspace;

/// Starts everything, tells where it is, and waits until Ctrl-C or until a part ends.
pub(crate) fn serve(mut parts: Parts, settings: &Settings) -> Result<()> {
    let folder = folder(settings)?;
    parts.flowguard.keep_in(&folder.join("data"));
    let mut services = Services::default();

    if let Some(mock) = &parts.mock {
        let url = start::mock(&mut services, mock, &folder)?;
        parts.flowguard.forward_to(url);
    }
    let one = (&parts.flowguard, settings);
    start::control_plane(&mut services, "the control plane", one, &folder)?;
    start::envoy(&mut services, "Envoy", &parts, one, &folder)?;

    let settings = parts.flowguard.settings()?;
    let summary = Summary { settings: &settings, mock: parts.mock.is_some(), logs: &folder };
    println!("{}", summary.text()?);
    services.serve()
}

/// A folder for this stack's logs and Envoy's configuration. Two stacks can't share a proxy
/// address, so its name is free, and the next run on it replaces the logs of the last one.
pub(super) fn folder(settings: &Settings) -> Result<PathBuf> {
    let socket = settings.reachable("PROXY_PORT")?;
    let name = format!("proxy-{}-{}", socket.ip().to_string().replace(':', "."), socket.port());
    let folder = workspace::target().join("up").join(name);
    make(&folder)?;
    Ok(folder)
}

/// A folder for its owner alone, unless it is there.
pub(super) fn make(folder: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("can't create {}", folder.display()))
}
