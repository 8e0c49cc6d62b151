//! What is wrong with a document, and where.

use std::fmt;

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

impl DocumentError {
    pub(super) fn too_many(what: &str, max: usize, place: Place) -> Self {
        Self { place, text: format!("this is one {what} too many: there can be {max}") }
    }
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
