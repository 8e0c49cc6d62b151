//! How a store fails: in a write, or already when it is opened.

use std::{error::Error, io, path::PathBuf};

use crate::excerpt::path_in_one_line;

/// Why a store did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached or does not work; whether a write got through is not known.
    #[error("the store is unavailable: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The disk, or what its user may have of it, is full.
    #[error("no space is left for the store: {0}")]
    Full(#[source] io::Error),
}

/// Why there is no store. What is in the folder is left as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made, or no file in it.
    #[error(
        "DATA_DIR={} (--data-dir) cannot be used: {error}; choose a folder that can be written, or \
         DATA_DIR=memory to keep nothing",
        path_in_one_line(folder)
    )]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// The operating system's answer.
        error: io::Error,
    },
    /// Another process has it.
    #[error(
        "DATA_DIR={} (--data-dir) is in use by another process: stop that one, or choose another \
         folder",
        path_in_one_line(folder)
    )]
    Taken {
        /// The folder.
        folder: PathBuf,
    },
    /// There is no folder where one is to be read.
    #[error(
        "DATA_DIR={} (--data-dir) is not there: name the folder that a control plane has made",
        path_in_one_line(folder)
    )]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// A folder cannot be read.
    #[error(
        "DATA_DIR={} (--data-dir) cannot be read: {error}; name the folder that a control plane has \
         made, as the user who owns it",
        path_in_one_line(folder)
    )]
    Unreadable {
        /// The folder.
        folder: PathBuf,
        /// The operating system's answer.
        error: io::Error,
    },
    /// There is something where there should be nothing yet.
    #[error(
        "DATA_DIR={} (--data-dir) is not empty, and was left as it is: name a folder that is empty \
         or not there",
        path_in_one_line(folder)
    )]
    Used {
        /// The folder.
        folder: PathBuf,
    },
    /// An import into it was killed.
    #[error(
        "DATA_DIR={} (--data-dir) holds a part of an import, which was not finished: empty the \
         folder and import again",
        path_in_one_line(folder)
    )]
    Unfinished {
        /// The folder.
        folder: PathBuf,
    },
    /// A file is not what was written there.
    #[error(
        "{} is damaged ({cause}) and was left as it is: put a copy of it back, or move \
         the whole folder away to begin without clients and balances",
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
}

/// A file comes from a later version, and was left as it is.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} has format {format}, and flowguard {} reads up to format {known}: start the version that \
     wrote it; it was left as it is",
    path_in_one_line(file),
    env!("CARGO_PKG_VERSION")
)]
pub struct NewerFormat {
    /// The file.
    pub file: PathBuf,
    /// Its format.
    pub format: u64,
    /// The newest format that is known here.
    pub known: u64,
}
