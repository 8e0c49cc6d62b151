//! skopeo, which reads the filter's image as a registry's client does.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::search::{self, Tool};
use super::{debian, private_copy};

pub(crate) const TOOL: Tool = Tool {
    variable: "SKOPEO_BIN",
    program: "skopeo",
    accepts: |printed| printed.starts_with("skopeo version "),
    wanted: "skopeo",
};

const PACKAGES: &[&str] = &["skopeo"];

/// The path of skopeo: `$SKOPEO_BIN`, else `skopeo` on `PATH`, else a private copy.
pub(crate) fn skopeo() -> Result<PathBuf> {
    if let Some(path) = TOOL.find()? {
        return Ok(path);
    }
    let folder = private_copy::folder("skopeo");
    let program = folder.join("skopeo");
    if !search::is_executable(&program) {
        private_copy::fill(&folder, fill).and_then(|()| TOOL.check(&program)).with_context(
            || {
                format!(
                    "can't get skopeo: run `{}` as root, or name an installed one with SKOPEO_BIN=PATH",
                    debian::advice(PACKAGES)
                )
            },
        )?;
    }
    Ok(program)
}

fn fill(folder: &Path) -> Result<()> {
    debian::unpack(PACKAGES, folder)?;
    private_copy::write_caller(folder, &debian::libraries(folder).unwrap_or_default(), "skopeo")
}
