//! The folder of what outlives the process.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{self, Path, PathBuf},
};

use super::OpenError;

/// Locked by the process that has the folder, for as long as it runs. The kernel unlocks it, however
/// the process ends.
const LOCK_FILE: &str = "lock";

/// Made and removed again at the start: it tells whether files can be made there.
const TRIAL_FILE: &str = "trial";

/// Where a process keeps what outlives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataDir {
    /// Nowhere: it ends with the process.
    Memory,
    /// In this folder.
    Folder(PathBuf),
}

impl Default for DataDir {
    fn default() -> Self {
        Self::Folder(PathBuf::from("flowguard-data"))
    }
}

/// A folder that this process has to itself.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Makes the folder, for its owner only, unless it is there, and locks it.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let unusable = |error| OpenError::Unusable { folder: path.to_owned(), error };
        let path = path::absolute(path).map_err(unusable)?;
        let unusable = |error| OpenError::Unusable { folder: path.clone(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(unusable)?;
        let lock = owners_file(&path.join(LOCK_FILE)).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::Taken { folder: path }),
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let trial = path.join(TRIAL_FILE);
        match owners_file(&trial).and_then(|_| fs::remove_file(&trial)) {
            // What is there can be served all the same.
            Err(error) if is_full(&error) => {}
            tried => tried.map_err(unusable)?,
        }
        Ok(Self { path, _lock: lock })
    }

    /// Where it is, from the root on.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Whether the disk, or what its user may have of it, is full.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// A file that its owner alone can read, made where it is missing.
pub(super) fn owners_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}
