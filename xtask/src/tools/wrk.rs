//! wrk, which loads the proxy in the benchmarks.

use std::path::PathBuf;

use anyhow::Result;

use super::{debian_program, search::Tool};

pub(crate) const TOOL: Tool = Tool {
    variable: "WRK_BIN",
    program: "wrk",
    accepts: |printed| printed.starts_with("wrk "),
    wanted: "wrk",
};

/// The path of wrk: `$WRK_BIN`, else `wrk` on `PATH`, else a private copy.
pub(crate) fn wrk() -> Result<PathBuf> {
    debian_program::get(&TOOL)
}
