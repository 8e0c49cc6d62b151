//! Who asks: the client of a key, the one that lists a verified identity, or who somebody says he is.

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
    known: Known<'a>,
    /// Whether the filter has to be told.
    is_told: bool,
}

#[derive(Debug)]
enum Known<'a> {
    /// By a text that is its id.
    Id(&'a str),
    /// By an identity that it lists.
    Client(ClientId),
    /// By a key that it showed.
    Key(FoundKey),
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
        let by_id = |id: &'a str| Known::Id(if ledger.has_identities(id) { UNKNOWN } else { id });
        Ok(match who {
            Who::ClientId(id) => Self { known: by_id(id), is_told: false },
            Who::Key(digest) => Self { known: Known::Key(ledger.find_key(digest)?), is_told: true },
            Who::Identity(text) => {
                let known = match ledger.client_of_identity(text) {
                    Some(client) => Known::Client(client),
                    None if ClientId::check(text.as_bytes()).is_ok() => by_id(text),
                    None => return Err(Stranger::Identity),
                };
                Self { known, is_told: true }
            }
        })
    }

    /// The client's id, as the ledger is asked.
    pub(super) fn id(&self) -> &str {
        match &self.known {
            Known::Id(id) => id,
            Known::Client(client) => client.as_str(),
            Known::Key(key) => key.client.as_str(),
        }
    }

    /// The key that it showed.
    pub(super) fn key(&self) -> Option<&FoundKey> {
        match &self.known {
            Known::Key(key) => Some(key),
            Known::Id(_) | Known::Client(_) => None,
        }
    }

    /// What the filter is told of it.
    pub(super) fn told(&self) -> String {
        if self.is_told { self.id().to_owned() } else { String::new() }
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
