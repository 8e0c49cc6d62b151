//! skopeo, which reads the filter's image as a registry's client does.

use std::path::PathBuf;

use anyhow::Result;

use super::{debian_program, search::Tool};

pub(crate) const TOOL: Tool = Tool {
    variable: "SKOPEO_BIN",
    program: "skopeo",
    accepts: |printed| printed.starts_with("skopeo version "),
    wanted: "skopeo",
};

/// The path of skopeo: `$SKOPEO_BIN`, else `skopeo` on `PATH`, else a private copy.
pub(crate) fn skopeo() -> Result<PathBuf> {
    debian_program::get(&TOOL)
}
