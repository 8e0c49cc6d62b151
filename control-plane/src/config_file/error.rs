//! What is wrong with a file, and where.

use std::{error::Error, fmt, io, path::Path, sync::Arc};

use super::BYTES_MAX;
use crate::excerpt::path_in_one_line;

/// How many errors of one file are told. Whoever wrote the same mistake a million times needs no
/// million lines.
const ERRORS_TOLD_MAX: usize = 100;

/// Where something stands in a file: lines and columns from 1, a column being a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One thing that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentError {
    /// Where.
    pub place: Place,
    /// What, in one line.
    pub text: String,
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

/// All that is wrong with a document, by place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentErrors {
    told: Vec<DocumentError>,
    untold: usize,
}

impl DocumentErrors {
    /// The errors that are told.
    pub fn told(&self) -> &[DocumentError] {
        &self.told
    }

    /// How many there are besides those that are told.
    pub fn untold(&self) -> usize {
        self.untold
    }

    pub(super) fn push(&mut self, place: Place, text: impl fmt::Display) {
        self.add(DocumentError { place, text: text.to_string() });
    }

    pub(super) fn add(&mut self, error: DocumentError) {
        if self.told.len() < ERRORS_TOLD_MAX {
            self.told.push(error);
        } else {
            self.untold += 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    pub(super) fn sort(&mut self) {
        self.told.sort_by_key(|error| error.place);
    }
}

impl From<DocumentError> for DocumentErrors {
    fn from(error: DocumentError) -> Self {
        Self { told: vec![error], untold: 0 }
    }
}

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
                let count = errors.told.len() + errors.untold;
                let first = errors.told.first().map(|first| first.place);
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
            Cause::Wrong(errors) => errors.told.first().map(|first| first.text.as_str()),
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
        for (index, error) in errors.told.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{path}:{error}")?;
        }
        match errors.untold {
            0 => Ok(()),
            untold => write!(f, "\n{path}: and {untold} more"),
        }
    }
}
