//! The definitions of the images: one file, whose build takes nothing but what is beside it.

use std::path::Path;

use anyhow::Result;

use super::files;

const DOCKERFILE: &str = include_str!("Dockerfile");

/// Where the definition names the program.
const PROGRAM: &str = "PROGRAM";

/// What keeps the folder that a volume takes its owner from, since archives may leave out one without
/// a file. It is the one that the control plane makes there first: a folder with nothing else counts
/// as empty, and `flowguard data import` takes it.
const LOCK: &str = "empty/lock";

/// Writes the `Dockerfile` of a release whose program has this name.
pub(super) fn write(program: &str, folder: &Path) -> Result<()> {
    files::write(&folder.join(LOCK), &[])?;
    let definition = DOCKERFILE.replace(PROGRAM, program);
    files::write(&folder.join("Dockerfile"), definition.as_bytes())
}
