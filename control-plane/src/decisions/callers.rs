//! Who asks: the client of a key, the one that lists a verified identity, or who somebody says he is.

use std::borrow::Cow;

use limiter::ClientId;
use proto::decision::Decision;

use super::frame::Who;
use crate::credentials::{Digest, KeyError};

/// Who asks.
#[derive(Debug)]
pub(super) struct Caller<'a> {
    /// The client's id, as the ledger is asked.
    pub(super) id: Cow<'a, str>,
    /// Whether the filter has to be told.
    is_told: bool,
}

/// Why nobody is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stranger {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("no client lists the identity, and it is no client id itself")]
    Identity,
}

impl<'a> Caller<'a> {
    /// No client has a key yet, and none lists identities.
    pub(super) fn find(who: &'a Who) -> Result<Self, Stranger> {
        Ok(match who {
            Who::ClientId(id) => Self { id: Cow::Borrowed(id), is_told: false },
            Who::Key(digest) => Self { id: Cow::Owned(client_of(digest)?), is_told: true },
            Who::Identity(text) if ClientId::check(text.as_bytes()).is_ok() => {
                Self { id: Cow::Borrowed(text), is_told: true }
            }
            Who::Identity(_) => return Err(Stranger::Identity),
        })
    }

    /// What the filter is told of it.
    pub(super) fn told(&self) -> String {
        if self.is_told { self.id.clone().into_owned() } else { String::new() }
    }
}

fn client_of(_key: &Digest) -> Result<String, KeyError> {
    Err(KeyError::Unknown)
}

impl Stranger {
    /// The decision on such a request.
    pub(super) fn decision(self) -> Decision {
        match self {
            Self::Key(_) => Decision::Unauthenticated,
            Self::Identity => Decision::InvalidIdentity,
        }
    }
}
