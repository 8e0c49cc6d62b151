//! How the files of the state fail.

use std::{io, path::PathBuf};

use super::{Cause, Disk};
use crate::{excerpt::path_in_one_line, store::NewerFormat};

/// Why state is not read or not written. A file that is refused is left as it was.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The operating system refuses it.
    #[error("{} cannot be read or written: {error}", path_in_one_line(file))]
    Unusable {
        /// The file.
        file: PathBuf,
        /// The operating system's answer.
        error: io::Error,
    },
    /// A file is not what was written there.
    #[error(
        "{} is damaged ({cause}) and was left as it is: put a copy of all files state.* back, or \
         move all of them away to begin with full limits",
        path_in_one_line(file)
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What does not fit.
        cause: String,
    },
    /// A file comes from a later version.
    #[error(transparent)]
    Newer(#[from] NewerFormat),
    /// What happened while a snapshot was taken did not get into the journal.
    #[error("the journal cannot be written: {0}")]
    JournalBroken(Cause),
}

impl StateError {
    /// The error of a file, of the operating system's answer.
    pub(super) fn unusable(disk: &dyn Disk, name: &str) -> impl FnOnce(io::Error) -> Self {
        let file = disk.path(name);
        move |error| Self::Unusable { file, error }
    }

    pub(super) fn damaged(disk: &dyn Disk, name: &str, cause: impl Into<String>) -> Self {
        Self::Damaged { file: disk.path(name), cause: cause.into() }
    }
}
