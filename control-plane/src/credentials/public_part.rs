//! The part of a secret that is no secret.

use std::fmt;

/// Names a key or a token in lists, logs and the audit: 12 characters of `A-Z a-z 0-9`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicPart([u8; PublicPart::LEN]);

/// Text that is no public part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the public part of a key or token: 12 characters of A-Z a-z 0-9")]
pub struct InvalidPublicPart;

impl PublicPart {
    /// Characters in a public part.
    pub const LEN: usize = proto::PUBLIC_PART_LEN;

    /// It as text.
    pub fn as_str(&self) -> &str {
        // All of it is ASCII: nothing else is let in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl AsRef<str> for PublicPart {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl TryFrom<&str> for PublicPart {
    type Error = InvalidPublicPart;

    fn try_from(text: &str) -> Result<Self, InvalidPublicPart> {
        let bytes = text.as_bytes().try_into().map_err(|_| InvalidPublicPart)?;
        let part = Self(bytes);
        if part.0.iter().all(u8::is_ascii_alphanumeric) { Ok(part) } else { Err(InvalidPublicPart) }
    }
}

impl fmt::Display for PublicPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for PublicPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicPart({self})")
    }
}
