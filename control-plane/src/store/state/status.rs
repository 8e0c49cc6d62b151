//! Whether what happens gets into the journal.

use std::io;

use limiter::UnixMillis;

use crate::store::data_dir::is_full;

/// How the journal stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether entries are written.
    pub condition: Condition,
    /// Entries that were not, since the files were opened.
    pub unwritten: u64,
}

/// Whether entries are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// They are.
    Writing,
    /// They are not, or in vain, until a snapshot is written.
    Broken {
        /// When the first one was not; `None`: there was none yet.
        since: Option<UnixMillis>,
        /// Why.
        cause: Cause,
    },
}

/// Why something could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// The disk, or what its user may have of it, is full.
    #[error("no space is left: {0}")]
    Full(String),
    /// Something else.
    #[error("{0}")]
    Failed(String),
}

impl From<&io::Error> for Cause {
    fn from(error: &io::Error) -> Self {
        if is_full(error) { Self::Full(error.to_string()) } else { Self::Failed(error.to_string()) }
    }
}
