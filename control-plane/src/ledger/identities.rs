//! Who is known by which identity.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use limiter::ClientId;
use parking_lot::RwLock;

use crate::clients::{Identities, Identity};

/// The identities of all clients that list some. A client is written by one writer at a time.
#[derive(Debug, Default)]
pub(super) struct KnownBy(RwLock<Book>);

#[derive(Debug, Default)]
struct Book {
    of_clients: HashMap<ClientId, Identities, RandomState>,
    owners: HashMap<Identity, ClientId, RandomState>,
}

impl KnownBy {
    /// The client that lists `identity`.
    pub(super) fn owner(&self, identity: &str) -> Option<ClientId> {
        self.0.read().owners.get(identity).cloned()
    }

    /// What a client lists.
    pub(super) fn of(&self, client: &str) -> Identities {
        self.0.read().of_clients.get(client).cloned().unwrap_or_default()
    }

    pub(super) fn has(&self, client: &str) -> bool {
        self.0.read().of_clients.contains_key(client)
    }

    /// What a client lists from now on. What another one listed is its own then.
    pub(super) fn put(&self, client: &ClientId, identities: &Identities) {
        let before = self.of(client.as_str());
        if before == *identities {
            return;
        }
        let mut book = self.0.write();
        book.forget(client.as_str());
        if identities.is_empty() {
            return;
        }
        for identity in identities.as_slice() {
            book.owners.insert(identity.clone(), client.clone());
        }
        book.of_clients.insert(client.clone(), identities.clone());
    }

    /// A client is no more.
    pub(super) fn remove(&self, client: &str) {
        if self.has(client) {
            self.0.write().forget(client);
        }
    }
}

impl Book {
    fn forget(&mut self, client: &str) {
        let Some(identities) = self.of_clients.remove(client) else { return };
        for identity in identities.as_slice() {
            // Another one may have taken it over meanwhile.
            if self.owners.get(identity).is_some_and(|owner| owner.as_str() == client) {
                self.owners.remove(identity);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(texts: &[&str]) -> Identities {
        Identities::new(texts.iter().map(|text| Identity::try_from(*text).unwrap()).collect())
            .unwrap()
    }

    #[test]
    fn an_identity_is_the_clients_that_listed_it_last() {
        let known_by = KnownBy::default();
        let (a, b) = (ClientId::try_from("a").unwrap(), ClientId::try_from("b").unwrap());
        known_by.put(&a, &list(&["x", "y"]));
        assert_eq!(known_by.owner("x"), Some(a.clone()));
        assert_eq!(known_by.of("a"), list(&["x", "y"]));
        assert!(known_by.has("a") && !known_by.has("b"));

        // They change places: each is written by itself.
        known_by.put(&b, &list(&["x"]));
        known_by.put(&a, &list(&["z"]));
        assert_eq!(known_by.owner("x"), Some(b.clone()));
        assert_eq!((known_by.owner("y"), known_by.owner("z")), (None, Some(a.clone())));

        known_by.remove("b");
        known_by.put(&a, &Identities::default());
        assert_eq!((known_by.owner("x"), known_by.owner("z")), (None, None));
        assert!(!known_by.has("a") && !known_by.has("b"));
    }
}
