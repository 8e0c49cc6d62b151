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

/// Fills a folder beside its place and then moves it there, so that an interrupted installation is
/// not taken for one.
pub(crate) fn fill(folder: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let partial = folder.with_added_extension(format!("partial-{}", std::process::id()));
    fs::create_dir_all(&partial).with_context(|| format!("can't create {}", partial.display()))?;
    let result = fill(&partial).and_then(|()| {
        if folder.exists() {
            fs::remove_dir_all(folder)
                .with_context(|| format!("can't replace {}", folder.display()))?;
        }
        fs::rename(&partial, folder).with_context(|| format!("can't create {}", folder.display()))
    });
    if result.is_err() {
        // The error that is reported is the first one.
        let _ = fs::remove_dir_all(&partial);
    }
    result
}

/// Writes a shell script that calls what is in a private copy.
pub(crate) fn write_script(path: &Path, commands: &str) -> Result<()> {
    fs::write(path, format!("#!/bin/sh\n{commands}"))
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755)))
        .with_context(|| format!("can't write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn a_failed_installation_leaves_nothing_behind() {
        let parent = scratch("failed");
        let folder = parent.join("tool-1.2.3");
        let error = fill(&folder, |partial| {
            fs::write(partial.join("half"), "")?;
            bail!("no network")
        })
        .unwrap_err();
        assert_eq!(error.to_string(), "no network");
        assert_eq!(fs::read_dir(&parent).unwrap().count(), 0);
        fs::remove_dir_all(parent).unwrap();
    }

    #[test]
    fn a_new_copy_replaces_what_was_there() {
        let parent = scratch("replaced");
        let folder = parent.join("tool-1.2.3");
        for content in ["old", "new"] {
            fill(&folder, |partial| Ok(fs::write(partial.join("program"), content)?)).unwrap();
            assert_eq!(fs::read_to_string(folder.join("program")).unwrap(), content);
        }
        assert_eq!(fs::read_dir(&parent).unwrap().count(), 1);
        fs::remove_dir_all(parent).unwrap();
    }
}
