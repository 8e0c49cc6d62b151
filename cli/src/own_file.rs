//! A file that nobody else could have written, for it says whom this user's tokens are shown.

use std::{
    fs::{self, File, Metadata},
    io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use rustix::process::geteuid;

/// Why a file is not believed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotOwn {
    #[error("{} cannot be read: {error}", path.display())]
    Unread { path: PathBuf, error: io::Error },
    #[error("{} is no file: a pipe, a device or a folder is not read", path.display())]
    NoFile { path: PathBuf },
    #[error(
        "{} is user {owner}'s, who says there which servers are asked: it is to be your own, or root's",
        path.display()
    )]
    Owner { path: PathBuf, owner: u32 },
    #[error("others may read or write {} (mode {mode:04o}): chmod 600 it", path.display())]
    Open { path: PathBuf, mode: u32 },
    #[error("others may write into the folder {} (mode {mode:04o}): chmod 700 it", path.display())]
    OpenFolder { path: PathBuf, mode: u32 },
}

/// The file, which may be missing.
pub(crate) fn open(path: &Path) -> Result<Option<File>, NotOwn> {
    let unread = |error| NotOwn::Unread { path: path.to_owned(), error };
    // A pipe would be waited for when it is opened.
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Ok(found) if !found.is_file() => return Err(NotOwn::NoFile { path: path.to_owned() }),
        found => found.map_err(unread)?,
    };
    for file in [path, &behind_links(path).map_err(unread)?] {
        check_folder(file)?;
    }
    let file = File::open(path).map_err(unread)?;
    let metadata = file.metadata().map_err(unread)?;
    check_owner(path, &metadata)?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(NotOwn::Open { path: path.to_owned(), mode });
    }
    Ok(Some(file))
}

/// What is meant where this is named: what a link leads to stays where it is.
pub(crate) fn behind_links(path: &Path) -> io::Result<PathBuf> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => fs::canonicalize(path),
        _ => Ok(path.to_owned()),
    }
}

/// Who may write into the folder of a file may put another one in its place.
fn check_folder(file: &Path) -> Result<(), NotOwn> {
    let path = file.parent().unwrap_or(Path::new(".")).to_owned();
    let metadata =
        fs::metadata(&path).map_err(|error| NotOwn::Unread { path: path.clone(), error })?;
    check_owner(&path, &metadata)?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o022 == 0 { Ok(()) } else { Err(NotOwn::OpenFolder { path, mode }) }
}

/// Whoever owns it may write it, or let others.
fn check_owner(path: &Path, metadata: &Metadata) -> Result<(), NotOwn> {
    let owner = metadata.uid();
    if is_believed(owner, geteuid().as_raw()) {
        return Ok(());
    }
    Err(NotOwn::Owner { path: path.to_owned(), owner })
}

fn is_believed(owner: u32, own: u32) -> bool {
    owner == own || owner == 0
}

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::chown};

    use super::*;

    fn put(path: &Path) {
        fs::write(path, "").unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
    }

    #[test]
    fn a_file_that_somebody_else_could_have_written_is_not_believed() {
        for (owner, own, is) in [
            (0, 0, true),
            (0, 1_000, true),
            (1_000, 1_000, true),
            (1_000, 0, false),
            (65_534, 1_000, false),
        ] {
            assert_eq!(is_believed(owner, own), is, "{owner} {own}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("contexts.yaml");
        put(&path);
        let told = || open(&path).unwrap_err().to_string();
        for mode in [0o777, 0o770, 0o722, 0o1777] {
            fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
            assert!(told().starts_with("others may write into the folder "), "{}", told());
        }
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        open(&path).unwrap();
        // It takes root to give a file away.
        for given in [path.as_path(), folder.path()] {
            if geteuid().is_root() {
                chown(given, Some(65_534), None).unwrap();
                assert!(told().contains(" is user 65534's, who says there"), "{}", told());
                chown(given, Some(0), None).unwrap();
            }
        }
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("contexts.yaml");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let error = open(&pipe).unwrap_err().to_string();
        assert!(
            error.ends_with("contexts.yaml is no file: a pipe, a device or a folder is not read")
        );
    }
}
