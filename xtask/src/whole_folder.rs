//! A folder that is filled whole or not at all.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Fills a folder beside its place and then moves it there, in place of one that was there, so that
/// what is left of an interrupted run is not taken for it.
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use anyhow::bail;

    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn what_fails_leaves_nothing_behind() {
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
    fn a_new_folder_replaces_what_was_there() {
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
