//! Why what somebody showed does not make known who it is.

use super::PublicPart;

/// Why a key is no client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is none like it: it was revoked, or it never was.
    #[error("the key is not known here: it may have been revoked")]
    Unknown,
    /// It was a client's.
    #[error("the key {0} has expired")]
    Expired(PublicPart),
}

/// Why a token is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There is none like it: it was revoked, or it never was.
    #[error("the token is not known here: it may have been revoked")]
    Unknown,
    /// It was somebody's.
    #[error("the token {0} has expired")]
    Expired(PublicPart),
}
