//! Prometheus, which scrapes the control plane in the tests.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::search::{self, Tool};
use super::{debian, private_copy};
use crate::whole_folder;

pub(crate) const TOOL: Tool = Tool {
    variable: "PROMETHEUS_BIN",
    program: "prometheus",
    accepts: |printed| printed.contains("prometheus, version"),
    wanted: "Prometheus",
};

/// The path of Prometheus: `$PROMETHEUS_BIN`, else `prometheus` on `PATH`, else a private copy.
///
/// Of Debian's package the program alone is wanted, which needs nothing but the C library.
pub(crate) fn prometheus() -> Result<PathBuf> {
    if let Some(path) = TOOL.find()? {
        return Ok(path);
    }
    let folder = private_copy::folder("prometheus");
    let program = folder.join("usr/bin/prometheus");
    if !search::is_executable(&program) {
        whole_folder::fill(&folder, |partial| debian::unpack_alone("prometheus", partial))
            .and_then(|()| TOOL.check(&program))
            .context("can't get Prometheus (set PROMETHEUS_BIN to the program of prometheus.io/download)")?;
    }
    Ok(program)
}
