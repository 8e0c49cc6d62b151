//! buf, whose `buf curl` is the foreign gRPC client of the tests.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::python::Wheel;
use super::search::{self, Tool};

pub(crate) const TOOL: Tool = Tool {
    variable: "BUF_BIN",
    program: "buf",
    accepts: |printed| search::major_minor(printed.trim()).is_some(),
    wanted: "buf 1.x",
};

const WHEEL: Wheel = Wheel { project: "buf-bin", version: "1.75.0", file: "bin/buf" };

/// The path of buf: `$BUF_BIN`, else `buf` on `PATH`, else a private copy.
pub(crate) fn buf() -> Result<PathBuf> {
    if let Some(path) = TOOL.find()? {
        return Ok(path);
    }
    WHEEL.program().context("can't install buf (an installed one can be named with BUF_BIN=PATH)")
}
