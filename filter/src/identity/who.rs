//! Who asks, as far as this side knows.

use std::fmt;

use proto::decision::ask;

use super::digest::Digest;

/// The header that says who asks.
pub(crate) const CLIENT_ID: &str = "x-client-id";

/// Who asks.
#[derive(Clone, PartialEq, Eq)]
pub enum Who<'a> {
    /// Whoever says that this is its id.
    ClientId(&'a str),
    /// Who has the key of this digest.
    Key(Digest),
    /// Who Envoy has verified to be this.
    Identity(String),
}

impl Who<'_> {
    /// What tells one from another. All of a worker's are known in the same way.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::ClientId(id) => id.as_bytes(),
            Self::Key(digest) => digest,
            Self::Identity(text) => text.as_bytes(),
        }
    }

    /// As the control plane is asked.
    pub(crate) fn on_the_wire(&self) -> ask::Who {
        match self {
            Self::ClientId(id) => ask::Who::ClientId((*id).to_owned()),
            Self::Key(digest) => ask::Who::Key(digest.to_vec()),
            Self::Identity(text) => ask::Who::Identity(text.clone()),
        }
    }
}

/// What of an ask tells who asks, as [`Who::as_bytes`] does.
pub(crate) fn bytes_of(who: Option<&ask::Who>) -> &[u8] {
    match who {
        Some(ask::Who::ClientId(text) | ask::Who::Identity(text)) => text.as_bytes(),
        Some(ask::Who::Key(digest)) => digest,
        None => b"",
    }
}

/// Whoever knows a digest can ask in its name, so nothing shows all of it.
impl fmt::Debug for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientId(id) => f.debug_tuple("ClientId").field(id).finish(),
            Self::Key([first, second, ..]) => write!(f, "Key({first:02x}{second:02x}…)"),
            Self::Identity(text) => f.debug_tuple("Identity").field(text).finish(),
        }
    }
}
