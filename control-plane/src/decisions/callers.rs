//! Who asks: the client of a key, the one that lists a verified identity, or who somebody says he is.

use std::borrow::Cow;

use limiter::ClientId;
use proto::decision::Decision;

use super::frame::Who;
use crate::{
    credentials::{FoundKey, KeyError},
    ledger::Ledger,
};

/// What all are called that no client is known by.
const UNKNOWN: &str = "unknown";

/// Who asks.
#[derive(Debug)]
pub(super) struct Caller<'a> {
    /// The client's id, as the ledger is asked.
    pub(super) id: Cow<'a, str>,
    /// The key that it showed.
    pub(super) key: Option<FoundKey>,
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
    /// A client that lists identities is reached by these alone: by its id it is nobody.
    pub(super) fn find(ledger: &Ledger, who: &'a Who) -> Result<Self, Stranger> {
        let by_id = |id: &'a str| {
            let id = if ledger.has_identities(id) { UNKNOWN } else { id };
            Cow::Borrowed(id)
        };
        Ok(match who {
            Who::ClientId(id) => Self { id: by_id(id), key: None, is_told: false },
            Who::Key(digest) => {
                let key = ledger.find_key(digest)?;
                let id = Cow::Owned(key.client.as_str().to_owned());
                Self { id, key: Some(key), is_told: true }
            }
            Who::Identity(text) => {
                let id = match ledger.client_of_identity(text) {
                    Some(client) => Cow::Owned(client.as_str().to_owned()),
                    None if ClientId::check(text.as_bytes()).is_ok() => by_id(text),
                    None => return Err(Stranger::Identity),
                };
                Self { id, key: None, is_told: true }
            }
        })
    }

    /// What the filter is told of it.
    pub(super) fn told(&self) -> String {
        if self.is_told { self.id.clone().into_owned() } else { String::new() }
    }
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
