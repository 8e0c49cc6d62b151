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
pub(super) const LOCK_FILE: &str = "lock";

/// Made and removed again at the start: it tells whether files can be made there.
const TRIAL_FILE: &str = "trial";

/// There while a folder is filled: nothing is served of a part.
pub(super) const UNFINISHED_FILE: &str = "unfinished";

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
    /// `None` where there is no file to lock, and so nobody who locked it.
    _lock: Option<File>,
}

impl DataFolder {
    /// Makes the folder, for its owner only, unless it is there, and locks it.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let folder = Self::make(path)?;
        folder.refuse_unfinished()?;
        let trial = folder.path.join(TRIAL_FILE);
        match owners_file(&trial).and_then(|_| fs::remove_file(&trial)) {
            // What is there can be served all the same.
            Err(error) if is_full(&error) => {}
            tried => tried.map_err(|error| unusable(&folder.path, error))?,
        }
        Ok(folder)
    }

    /// Locks a folder that is there, and makes nothing in it.
    pub fn open_to_read(path: &Path) -> Result<Self, OpenError> {
        let path = path::absolute(path).map_err(|error| unreadable(path, error))?;
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(unreadable(&path, ErrorKind::NotADirectory.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(OpenError::Missing { folder: path });
            }
            Err(error) => return Err(unreadable(&path, error)),
        }
        let lock = match File::open(path.join(LOCK_FILE)) {
            Ok(file) => Some(locked(file, &path, unreadable)?),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(unreadable(&path, error)),
        };
        let folder = Self { path, _lock: lock };
        folder.refuse_unfinished()?;
        Ok(folder)
    }

    /// Where it is, from the root on.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn make(path: &Path) -> Result<Self, OpenError> {
        let path = path::absolute(path).map_err(|error| unusable(path, error))?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(|error| unusable(&path, error))?;
        let file = owners_file(&path.join(LOCK_FILE)).map_err(|error| unusable(&path, error))?;
        let lock = locked(file, &path, unusable)?;
        Ok(Self { path, _lock: Some(lock) })
    }

    fn refuse_unfinished(&self) -> Result<(), OpenError> {
        match self.path.join(UNFINISHED_FILE).try_exists() {
            Ok(false) => Ok(()),
            Ok(true) => Err(OpenError::Unfinished { folder: self.path.clone() }),
            Err(error) => Err(unusable(&self.path, error)),
        }
    }
}

fn locked(
    file: File,
    folder: &Path,
    refused: fn(&Path, io::Error) -> OpenError,
) -> Result<File, OpenError> {
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Taken { folder: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(refused(folder, error)),
    }
}

pub(super) fn unusable(folder: &Path, error: io::Error) -> OpenError {
    OpenError::Unusable { folder: folder.to_owned(), error }
}

fn unreadable(folder: &Path, error: io::Error) -> OpenError {
    OpenError::Unreadable { folder: folder.to_owned(), error }
}

/// Whether the disk, or what its user may have of it, is full.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// A file that its owner alone can read, made where it is missing.
pub(super) fn owners_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}
