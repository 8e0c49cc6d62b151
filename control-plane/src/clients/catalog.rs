//! The configured clients: found by id, and read in the order of their ids a few at a time.
//!
//! Whoever lists a million clients holds a few of them and the id after which to go on: a list costs
//! what its reader takes of it. A writer waits for those few at most, and a decision for none.

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

/// How many clients whoever reads many of them reads at a time.
pub(crate) const CLIENTS_AT_A_TIME: usize = 64;

/// Every client that is configured, each with an `S`: where the rest that is known of it is found,
/// so that one look-up finds all.
#[derive(Debug)]
pub(crate) struct Catalog<S> {
    /// An operator makes the keys, and requests only look for them: a fast hash is good enough.
    clients: DashMap<ClientId, Client<S>, RandomState>,
    /// The same ids in their order, which the map does not have.
    ids: RwLock<BTreeSet<ClientId>>,
}

/// One client, as it is configured now.
#[derive(Debug)]
pub(crate) struct Client<S> {
    pub(crate) config: ClientConfig,
    pub(crate) entry: S,
}

impl<S> Default for Catalog<S> {
    fn default() -> Self {
        Self { clients: DashMap::default(), ids: RwLock::default() }
    }
}

impl<S> Catalog<S> {
    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    /// Holds a part of the map for reading: whoever writes there waits until it is dropped.
    pub(crate) fn get(&self, id: &str) -> Option<impl Deref<Target = Client<S>>> {
        self.clients.get(id)
    }

    /// Puts another configuration of a client in force, together with what `also` does to its
    /// entry: nobody sees the one without the other. `false` when there is no such client.
    pub(crate) fn replace(&self, config: &ClientConfig, also: impl FnOnce(&mut S)) -> bool {
        let Some(mut client) = self.clients.get_mut(config.id.as_str()) else { return false };
        client.config = config.clone();
        also(&mut client.entry);
        true
    }

    /// What `change` does to a client's entry; nothing when there is no such client.
    pub(crate) fn change(&self, id: &str, change: impl FnOnce(&ClientConfig, &mut S)) {
        if let Some(mut client) = self.clients.get_mut(id) {
            let Client { config, entry } = &mut *client;
            change(config, entry);
        }
    }

    pub(crate) fn insert(&self, config: &ClientConfig, entry: S) {
        self.clients.insert(config.id.clone(), Client { config: config.clone(), entry });
        self.ids.write().insert(config.id.clone());
    }

    pub(crate) fn remove(&self, id: &str) -> Option<Client<S>> {
        self.ids.write().remove(id);
        self.clients.remove(id).map(|(_, client)| client)
    }

    /// Shows every client to `look`, in any order. Nobody may write meanwhile.
    pub(crate) fn for_each(&self, look: impl Fn(&Client<S>)) {
        self.clients.iter().for_each(|client| look(&client));
    }

    /// What `read` sees of at most `max` clients, by id, those that come after `after`.
    pub(crate) fn after<T>(
        &self,
        after: Option<&ClientId>,
        max: usize,
        read: impl Fn(&Client<S>) -> T,
    ) -> Vec<T> {
        let after = after.map_or(Unbounded, |id| Excluded(id.as_str()));
        // Held while they are read: a client whose id is here is in the map too.
        let ids = self.ids.read();
        let next = ids.range::<str, _>((after, Unbounded)).take(max);
        next.filter_map(|id| self.get(id.as_str()).map(|client| read(&client))).collect()
    }
}
