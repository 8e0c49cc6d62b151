//! Who is limited.

use alloc::sync::Arc;
use core::{borrow::Borrow, fmt};

/// Bytes in the longest client id.
pub const CLIENT_ID_LEN_MAX: usize = 128;

/// A client's id: 1 to 128 characters of `A-Z a-z 0-9 . _ : @ - + | = / ~`, which is what identity
/// providers make ids of.
///
/// The alphabet needs no escaping in JSON, in a log line or in a metric's label; in a URL's path a
/// slash is `%2F`. `.` and `..` are none, because no HTTP client can address them in a path.
///
/// A clone shares the text, so that whoever keeps an id several times keeps its text once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(Arc<str>);

impl ClientId {
    /// Stands for every client that is not configured; no client is configured under it.
    pub const UNKNOWN: &str = "unknown";

    /// Stands, like [`ClientId::UNKNOWN`], for what has no name of its own.
    pub const OTHER: &str = "other";

    /// [`ClientId::UNKNOWN`] as an id.
    pub fn unknown() -> Self {
        Self(Self::UNKNOWN.into())
    }

    /// [`ClientId::OTHER`] as an id.
    pub fn other() -> Self {
        Self(Self::OTHER.into())
    }

    /// Whether the id stands for what is not configured, so that nobody is configured under it. A
    /// request may carry it, as any id that is not configured.
    pub fn is_reserved(&self) -> bool {
        [Self::UNKNOWN, Self::OTHER].contains(&self.as_str())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text when `bytes` are a client id, without making one.
    pub fn check(bytes: &[u8]) -> Result<&str, InvalidClientId> {
        if bytes.is_empty()
            || bytes.len() > CLIENT_ID_LEN_MAX
            || !bytes.iter().copied().all(is_allowed)
            || matches!(bytes, b"." | b"..")
        {
            return Err(InvalidClientId);
        }
        core::str::from_utf8(bytes).map_err(|_| InvalidClientId)
    }
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'.' | b'_' | b':' | b'@' | b'-' | b'+' | b'|' | b'=' | b'/' | b'~')
}

impl TryFrom<&str> for ClientId {
    type Error = InvalidClientId;

    fn try_from(text: &str) -> Result<Self, InvalidClientId> {
        Self::check(text.as_bytes()).map(|id| Self(id.into()))
    }
}

/// Maps keyed by `ClientId` are asked with text from the wire; text that is no id is not found.
impl Borrow<str> for ClientId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that is no client id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidClientId;

impl fmt::Display for InvalidClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ - + | = / ~, but not . or .. alone",
        )
    }
}

impl core::error::Error for InvalidClientId {}
