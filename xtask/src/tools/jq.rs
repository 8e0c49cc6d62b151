//! jq, by which people read logs of JSON: the tests follow what the documents tell them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::search::{self, Tool};
use super::{debian, private_copy};

pub(crate) const TOOL: Tool = Tool {
    variable: "JQ_BIN",
    program: "jq",
    accepts: |printed| printed.starts_with("jq-"),
    wanted: "jq",
};

const PACKAGES: &[&str] = &["jq"];

/// The path of jq: `$JQ_BIN`, else `jq` on `PATH`, else a private copy.
pub(crate) fn jq() -> Result<PathBuf> {
    if let Some(path) = TOOL.find()? {
        return Ok(path);
    }
    let folder = private_copy::folder("jq");
    let program = folder.join("jq");
    if !search::is_executable(&program) {
        private_copy::fill(&folder, fill).and_then(|()| TOOL.check(&program)).with_context(
            || {
                format!(
                    "can't get jq: run `{}` as root, or name an installed one with JQ_BIN=PATH",
                    debian::advice(PACKAGES)
                )
            },
        )?;
    }
    Ok(program)
}

fn fill(folder: &Path) -> Result<()> {
    debian::unpack(PACKAGES, folder)?;
    let libraries = debian::libraries(folder).unwrap_or_default();
    private_copy::write_caller(folder, &libraries, "jq")
}
