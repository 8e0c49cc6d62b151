//! By what clients and operators are known: keys, identities and tokens, as they are configured.

use limiter::ClientId;

use super::Ledger;
use crate::credentials::{ClientKey, Digest, FoundKey, KeyError, Keys, Tokens};

impl Ledger {
    /// The keys of all clients.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The tokens of operators, and of programs that look after this one.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// A key that is configured, new or changed. It is good for as long as its client is configured.
    pub fn put_key(&self, key: ClientKey) {
        // A million keys have no million copies of their clients' ids.
        let id = self.clients.get(key.client.as_str()).map(|client| client.id.clone());
        self.keys.put(match id {
            Some(client) => ClientKey { client, ..key },
            None => key,
        });
    }

    /// Whose key it is, which counts as a use of it.
    pub fn find_key(&self, digest: &Digest) -> Result<FoundKey, KeyError> {
        let found = self.keys.find(digest, self.clock.now())?;
        // It stands in a file, which does not name its client any more.
        let is_configured = self.clients.get(found.client.as_str()).is_some();
        if is_configured { Ok(found) } else { Err(KeyError::Unknown) }
    }

    /// The client that lists this identity.
    pub fn client_of_identity(&self, identity: &str) -> Option<ClientId> {
        self.identities.owner(identity)
    }

    /// Whether a client lists identities, and so is reached by these alone.
    pub fn has_identities(&self, client: &str) -> bool {
        self.identities.has(client)
    }
}
