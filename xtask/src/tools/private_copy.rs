//! Private copies of tools in the target folder: nothing on the machine changes, and `cargo clean`
//! removes them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::workspace;

/// The folder of the private copy `name`.
pub(crate) fn folder(name: &str) -> PathBuf {
    workspace::target().join("tools").join(name)
}

/// Writes a shell script that calls what is in a private copy.
pub(crate) fn write_script(path: &Path, commands: &str) -> Result<()> {
    fs::write(path, format!("#!/bin/sh\n{commands}"))
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755)))
        .with_context(|| format!("can't write {}", path.display()))
}
