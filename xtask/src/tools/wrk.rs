//! wrk, which loads the proxy in the benchmarks.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::search::{self, Tool};
use super::{debian, private_copy};

pub(crate) const TOOL: Tool = Tool {
    variable: "WRK_BIN",
    program: "wrk",
    accepts: |printed| printed.starts_with("wrk "),
    wanted: "wrk",
};

const PACKAGES: &[&str] = &["wrk"];

/// The path of wrk: `$WRK_BIN`, else `wrk` on `PATH`, else a private copy.
pub(crate) fn wrk() -> Result<PathBuf> {
    if let Some(path) = TOOL.find()? {
        return Ok(path);
    }
    let folder = private_copy::folder("wrk");
    let program = folder.join("wrk");
    if !search::is_executable(&program) {
        private_copy::fill(&folder, fill).and_then(|()| TOOL.check(&program)).with_context(
            || {
                format!(
                    "can't get wrk: run `{}` as root, or name an installed one with WRK_BIN=PATH",
                    debian::advice(PACKAGES)
                )
            },
        )?;
    }
    Ok(program)
}

fn fill(folder: &Path) -> Result<()> {
    debian::unpack(PACKAGES, folder)?;
    private_copy::write_caller(folder, &debian::libraries(folder).unwrap_or_default(), "wrk")
}
