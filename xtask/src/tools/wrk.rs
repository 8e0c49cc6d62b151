//! wrk, which loads the proxy in the benchmarks.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};

use super::debian;
use super::search::Tool;

pub(crate) const TOOL: Tool = Tool {
    variable: "WRK_BIN",
    program: "wrk",
    accepts: |printed| printed.starts_with("wrk "),
    wanted: "wrk",
};

/// The path of wrk: `$WRK_BIN`, else `wrk` on `PATH`, else Debian's package.
pub(crate) fn wrk() -> Result<PathBuf> {
    if let Some(path) = TOOL.find()? {
        return Ok(path);
    }
    debian::install(&["wrk"])
        .context("can't install wrk (an installed one can be named with WRK_BIN=PATH)")?;
    TOOL.find()?.ok_or_else(|| anyhow!("wrk was installed and is not on PATH"))
}
