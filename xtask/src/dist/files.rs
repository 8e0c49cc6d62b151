//! Copies of the repository's files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Writes a file, and the folders above it.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, content))
        .with_context(|| format!("can't write {}", path.display()))
}

/// The bytes of a file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("can't read {}", path.display()))
}

/// Copies a file, or all that is in a folder. What can be run can be run there too.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        return all_in(from)?.iter().try_for_each(|below| copy(&from.join(below), &to.join(below)));
    }
    write(to, &[])?;
    fs::copy(from, to).map(drop).with_context(|| format!("can't copy {}", from.display()))
}

/// The paths of all files in a folder and below it, from the folder on, in their order. A link is
/// what it leads to, and what begins with a dot is for tools.
pub(super) fn all_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let cannot_read = || format!("can't read {}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(cannot_read)? {
        let path = entry.with_context(cannot_read)?.path();
        let Some(name) = path.file_name().filter(|name| !name.as_encoded_bytes().starts_with(b"."))
        else {
            continue;
        };
        let name = PathBuf::from(name);
        if path.is_dir() {
            found.extend(all_in(&path)?.into_iter().map(|below| name.join(below)));
        } else {
            found.push(name);
        }
    }
    found.sort();
    Ok(found)
}
