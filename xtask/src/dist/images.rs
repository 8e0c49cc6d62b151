//! The definitions of the images: one file, whose build takes nothing but what is beside it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::files;

const DOCKERFILE: &str = include_str!("Dockerfile");

/// Where the definition names the program.
const PROGRAM: &str = "PROGRAM";

/// An empty folder, which becomes the one that a volume takes its owner from.
const EMPTY: &str = "empty";

/// Writes the `Dockerfile` of a release whose program has this name.
pub(super) fn write(program: &str, folder: &Path) -> Result<()> {
    let empty = folder.join(EMPTY);
    fs::create_dir_all(&empty).with_context(|| format!("can't make {}", empty.display()))?;
    let definition = DOCKERFILE.replace(PROGRAM, program);
    files::write(&folder.join("Dockerfile"), definition.as_bytes())
}
