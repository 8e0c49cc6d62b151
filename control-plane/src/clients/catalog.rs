//! The configured clients: found by id, and read in the order of their ids a few at a time.
//!
//! Whoever lists a million clients holds a few of their ids and the one where to go on: a list
//! costs what its reader takes of it, and writers and decisions wait for none.

use std::{
    collections::BTreeSet,
    ops::{
        Bound::{Excluded, Unbounded},
        Deref,
    },
};

use dashmap::DashMap;
use foldhash::fast::RandomState;
use limiter::ClientId;
use parking_lot::RwLock;

use super::ClientConfig;

/// Every client that is configured. `P` is the page that the other books have of a client: it
/// hangs on the client's place here, so that one look-up finds all that is known of it.
#[derive(Debug)]
pub(crate) struct Catalog<P> {
    /// An operator makes the keys, and requests only look for them: a fast hash is good enough.
    clients: DashMap<ClientId, Client<P>, RandomState>,
    /// The same ids in their order, which the map does not have.
    ids: RwLock<BTreeSet<ClientId>>,
}

/// One client, as it is configured now.
#[derive(Debug)]
pub(crate) struct Client<P> {
    pub(crate) config: ClientConfig,
    pub(crate) page: P,
}

impl<P> Default for Catalog<P> {
    fn default() -> Self {
        Self { clients: DashMap::default(), ids: RwLock::default() }
    }
}

impl<P> Catalog<P> {
    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    /// Writers of some clients wait as long as the answer is held, this one's among them.
    pub(crate) fn get(&self, id: &str) -> Option<impl Deref<Target = Client<P>>> {
        self.clients.get(id)
    }

    /// Puts another configuration of a client in force, together with what `also` does to its
    /// page: nobody sees the one without the other. `false` when there is no such client.
    pub(crate) fn replace(&self, config: &ClientConfig, also: impl FnOnce(&mut P)) -> bool {
        let Some(mut client) = self.clients.get_mut(config.id.as_str()) else { return false };
        client.config = config.clone();
        also(&mut client.page);
        true
    }

    pub(crate) fn insert(&self, config: &ClientConfig, page: P) {
        self.clients.insert(config.id.clone(), Client { config: config.clone(), page });
        self.ids.write().insert(config.id.clone());
    }

    pub(crate) fn remove(&self, id: &str) -> Option<Client<P>> {
        self.ids.write().remove(id);
        self.clients.remove(id).map(|(_, client)| client)
    }

    /// What `read` sees of at most `max` clients, by id, those that come after `after`.
    pub(crate) fn after<T>(
        &self,
        after: Option<&ClientId>,
        max: usize,
        read: impl Fn(&Client<P>) -> T,
    ) -> Vec<T> {
        let after = after.map_or(Unbounded, |id| Excluded(id.as_str()));
        // Held while they are read: a client whose id is here is in the map too.
        let ids = self.ids.read();
        let next = ids.range::<str, _>((after, Unbounded)).take(max);
        next.filter_map(|id| self.get(id.as_str()).map(|client| read(&client))).collect()
    }
}
