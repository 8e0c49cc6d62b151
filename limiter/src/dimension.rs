//! A client's own two limits.

/// Which of a client's own two limits is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// Requests per minute.
    Rpm,
    /// Tokens per minute.
    Tpm,
}

impl Dimension {
    /// What it is called wherever it is named.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rpm => "rpm",
            Self::Tpm => "tpm",
        }
    }
}
