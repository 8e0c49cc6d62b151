//! Where things are: the workspace's root and the target folder, whatever folder a command was
//! called from.

use std::env;
use std::path::{Path, PathBuf};

/// The oldest Rust that compiles the workspace, as `major.minor`.
pub(crate) const RUST_VERSION: &str = env!("CARGO_PKG_RUST_VERSION");

/// The workspace's root.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// The target folder: `CARGO_TARGET_DIR` where it is set, else `target` in the root.
pub(crate) fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty()) {
        Some(folder) => std::path::absolute(&folder).unwrap_or_else(|_| root().join(folder)),
        None => root().join("target"),
    }
}
