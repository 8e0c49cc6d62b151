//! Redis, on which the tests of the shared store run: its server, which is a sentinel too, and its
//! command line.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::search::{self, Tool};
use super::{debian, private_copy};
use crate::whole_folder;

pub(crate) const TOOL: Tool = Tool {
    variable: "REDIS_BIN",
    program: "redis-server",
    accepts: |printed| printed.starts_with("Redis server v="),
    wanted: "the server of Redis",
};

/// Debian's package of the server, which brings the command line along.
const PACKAGE: &str = "redis-server";

/// What is called of it: `redis-cli` lies beside the server, where it is of a private copy.
const PROGRAMS: [&str; 2] = ["redis-server", "redis-cli"];

/// The path of `redis-server`: `$REDIS_BIN`, else the one on `PATH`, else a private copy.
pub(crate) fn redis() -> Result<PathBuf> {
    if let Some(path) = TOOL.find()? {
        return Ok(path);
    }
    let folder = private_copy::folder("redis");
    let program = folder.join(TOOL.program);
    if !search::is_executable(&program) {
        whole_folder::fill(&folder, fill).and_then(|()| TOOL.check(&program)).with_context(
            || {
                format!(
                    "can't get Redis: run `{}` as root, or name an installed one with {}=PATH",
                    debian::advice(&[PACKAGE]),
                    TOOL.variable
                )
            },
        )?;
    }
    Ok(program)
}

/// Unpacks the packages, and writes scripts that call the programs with the libraries that were
/// unpacked along.
fn fill(folder: &Path) -> Result<()> {
    debian::unpack(&[PACKAGE], folder)?;
    let libraries = debian::libraries(folder).unwrap_or_default();
    for name in PROGRAMS {
        private_copy::write_script(
            &folder.join(name),
            &format!(
                "folder=$(dirname \"$0\")\n\
                 LD_LIBRARY_PATH=\"$folder/{}\" exec \"$folder/usr/bin/{name}\" \"$@\"\n",
                libraries.display()
            ),
        )?;
    }
    Ok(())
}
