//! jq, by which people read logs of JSON: the tests follow what the documents tell them.

use std::path::PathBuf;

use anyhow::Result;

use super::{debian_program, search::Tool};

pub(crate) const TOOL: Tool = Tool {
    variable: "JQ_BIN",
    program: "jq",
    accepts: |printed| printed.starts_with("jq-"),
    wanted: "jq",
};

/// The path of jq: `$JQ_BIN`, else `jq` on `PATH`, else a private copy.
pub(crate) fn jq() -> Result<PathBuf> {
    debian_program::get(&TOOL)
}
