//! Why the file of the configuration is not read.

/// Why a file is not taken for what it should be.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// Of a later version, in this format.
    Newer(u64),
    /// Not as it was written.
    Damaged(String),
}

impl Unreadable {
    pub(super) fn damaged(cause: impl Into<String>) -> Self {
        Self::Damaged(cause.into())
    }
}

impl<E: Into<redb::Error>> From<E> for Unreadable {
    fn from(error: E) -> Self {
        Self::Damaged(error.into().to_string())
    }
}
