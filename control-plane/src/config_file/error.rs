//! What is wrong with a file, and where.

use std::{error::Error, fmt, io, path::Path, sync::Arc};

use crate::{
    document::{BYTES_MAX, DocumentErrors, Place},
    excerpt::path_in_one_line,
};

/// Why there is nothing to judge.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The operating system does not hand it out.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// A folder, a pipe or a device, which can't be read again and again.
    #[error("is not a file")]
    NotAFile,
    /// Longer than is read.
    #[error("is larger than {} MiB", BYTES_MAX >> 20)]
    TooLarge,
}

/// A file that is not put in force. Shown in a line an error, each of which begins with the file's
/// path and the place: `FILE:LINE:COLUMN: text`.
#[derive(Debug)]
pub struct InvalidFile {
    pub(super) path: Arc<Path>,
    pub(super) cause: Cause,
}

#[derive(Debug)]
pub(super) enum Cause {
    Unread(ReadError),
    Wrong(DocumentErrors),
}

impl InvalidFile {
    /// How much is wrong and where it begins, for those who may know nothing of clients.
    pub fn summary(&self) -> String {
        match &self.cause {
            Cause::Unread(error) => error.to_string(),
            Cause::Wrong(errors) => {
                let count = errors.told().len() + errors.untold();
                let first = errors.told().first().map(|first| first.place);
                let Place { line, column } = first.unwrap_or(Place { line: 1, column: 1 });
                let errors = if count == 1 { "error" } else { "errors, the first" };
                format!("has {count} {errors} in line {line}, column {column}")
            }
        }
    }

    /// What is wrong first, where the summary does not say it.
    pub fn first(&self) -> Option<&str> {
        match &self.cause {
            Cause::Unread(_) => None,
            Cause::Wrong(errors) => errors.told().first().map(|first| first.text.as_str()),
        }
    }
}

impl Error for InvalidFile {}

impl fmt::Display for InvalidFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = path_in_one_line(&self.path);
        let errors = match &self.cause {
            Cause::Unread(error) => return write!(f, "{path}: {error}"),
            Cause::Wrong(errors) => errors,
        };
        for (index, error) in errors.told().iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{path}:{error}")?;
        }
        match errors.untold() {
            0 => Ok(()),
            untold => write!(f, "\n{path}: and {untold} more"),
        }
    }
}
