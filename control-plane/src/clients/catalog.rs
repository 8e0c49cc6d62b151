//! The configured clients: found by id, and read in the order of their ids a few at a time.
//!
//! Whoever lists a million clients holds a few of them and the id after which to go on: a list costs
//! what its reader takes of it. A writer waits for those few at most, and a decision for none.

use std::{
    collections::BTreeSet,
    hash::BuildHasher,
    iter,
    ops::{
        Bound::{Excluded, Included, Unbounded},
        Deref,
    },
};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use limiter::{ClientId, Tokens};
use parking_lot::{RwLock, RwLockReadGuard};

use super::{ClientConfig, Identities, Limits};
use crate::limits::{Group, Name};

/// How many clients whoever reads many of them reads at a time.
pub(crate) const CLIENTS_AT_A_TIME: usize = 64;

/// Into how many parts the map is cut, each with a lock of its own: more than there are threads that
/// decide, and few enough for each to have thousands of a million clients.
const SHARDS: usize = 1 << SHARD_BITS;
const SHARD_BITS: u32 = 6;

/// Every client that is configured, each with an `S`: where the rest that is known of it is found,
/// so that one look-up finds all.
#[derive(Debug)]
pub(crate) struct Catalog<S> {
    shards: Box<[Shard<S>]>,
    /// An operator makes the ids, and requests only look for them: a fast hash is good enough.
    hasher: RandomState,
    /// The same ids in their order, which the map does not have.
    ids: RwLock<BTreeSet<ClientId>>,
}

/// A part of the map. Two threads that look in two of them write to no cache line of each other.
///
/// A client is found by the id that is in it: a key beside it would make the table larger by a quarter.
#[derive(Debug)]
#[repr(align(128))]
struct Shard<S>(RwLock<HashTable<Client<S>>>);

/// One client, as it is configured now, but for its group and plan, which it has in common with many
/// others, and its identities: most clients have none of these.
#[derive(Debug)]
pub(crate) struct Client<S> {
    pub(crate) id: ClientId,
    pub(crate) limits: Limits,
    pub(crate) enabled: bool,
    pub(crate) min_estimate: Option<Tokens>,
    pub(crate) entry: S,
}

impl<S> Client<S> {
    pub(crate) fn new(config: &ClientConfig, entry: S) -> Self {
        let ClientConfig { id, limits, enabled, min_estimate, group: _, plan: _, identities: _ } =
            config;
        Self {
            id: id.clone(),
            limits: *limits,
            enabled: *enabled,
            min_estimate: *min_estimate,
            entry,
        }
    }

    /// What was configured, of a client that is in this group and on this plan, and is known by these.
    pub(crate) fn configured(
        &self,
        group: Option<&Group>,
        plan: Option<&Name>,
        identities: Identities,
    ) -> ClientConfig {
        ClientConfig {
            id: self.id.clone(),
            limits: self.limits,
            enabled: self.enabled,
            min_estimate: self.min_estimate,
            group: group.cloned(),
            plan: plan.cloned(),
            identities,
        }
    }

    /// The limits in force.
    pub(crate) fn limits_in_force(&self) -> Limits {
        self.limits.in_force(self.enabled)
    }

    fn change(&mut self, config: &ClientConfig) {
        let ClientConfig { id: _, limits, enabled, min_estimate, group: _, plan: _, identities: _ } =
            config;
        (self.limits, self.enabled, self.min_estimate) = (*limits, *enabled, *min_estimate);
    }
}

impl<S> Default for Catalog<S> {
    fn default() -> Self {
        Self {
            shards: iter::repeat_with(|| Shard(RwLock::default())).take(SHARDS).collect(),
            hasher: RandomState::default(),
            ids: RwLock::default(),
        }
    }
}

impl<S> Catalog<S> {
    pub(crate) fn len(&self) -> usize {
        self.ids.read().len()
    }

    /// Holds a part of the map for reading: whoever writes there waits until it is dropped.
    #[inline]
    pub(crate) fn get(&self, id: &str) -> Option<impl Deref<Target = Client<S>>> {
        let (hash, shard) = self.find(id);
        let clients = shard.read();
        RwLockReadGuard::try_map(clients, |clients| clients.find(hash, is(id))).ok()
    }

    /// Puts another configuration of a client in force, together with what `also` does to its
    /// entry: nobody sees the one without the other. `false` when there is no such client.
    pub(crate) fn replace(&self, config: &ClientConfig, also: impl FnOnce(&mut S)) -> bool {
        let is_there = self.change(config.id.as_str(), |client| {
            client.change(config);
            also(&mut client.entry);
        });
        is_there.is_some()
    }

    /// What `change` does to a client; `None` when there is no such client.
    pub(crate) fn change<T>(
        &self,
        id: &str,
        change: impl FnOnce(&mut Client<S>) -> T,
    ) -> Option<T> {
        let (hash, shard) = self.find(id);
        shard.0.write().find_mut(hash, is(id)).map(change)
    }

    /// A client that is not there yet.
    pub(crate) fn insert(&self, client: Client<S>) {
        let id = client.id.clone();
        let (hash, shard) = self.find(id.as_str());
        let rehash = |client: &Client<S>| self.hasher.hash_one(client.id.as_str());
        shard.0.write().insert_unique(hash, client, rehash);
        self.ids.write().insert(id);
    }

    pub(crate) fn remove(&self, id: &str) -> Option<Client<S>> {
        self.ids.write().remove(id);
        let (hash, shard) = self.find(id);
        let mut clients = shard.0.write();
        clients.find_entry(hash, is(id)).ok().map(|found| found.remove().0)
    }

    /// Shows every client to `look`, in any order. Nobody may write meanwhile.
    pub(crate) fn for_each(&self, look: impl Fn(&Client<S>)) {
        self.shards.iter().for_each(|shard| shard.read().iter().for_each(&look));
    }

    /// What `read` sees of at most `max` clients, by id, those that come after `after`.
    pub(crate) fn after<T>(
        &self,
        after: Option<&ClientId>,
        max: usize,
        read: impl Fn(&Client<S>) -> T,
    ) -> Vec<T> {
        self.within((after, ""), max, read)
    }

    /// The same of those whose ids begin with a text.
    pub(crate) fn within<T>(
        &self,
        (after, prefix): (Option<&ClientId>, &str),
        max: usize,
        read: impl Fn(&Client<S>) -> T,
    ) -> Vec<T> {
        let begin = match after.map(ClientId::as_str) {
            Some(after) if after >= prefix => Excluded(after),
            // What begins with it comes behind it.
            _ => Included(prefix),
        };
        // Held while they are read: a client whose id is here is in the map too.
        let ids = self.ids.read();
        let next = ids.range::<str, _>((begin, Unbounded));
        let next = next.take_while(|id| id.as_str().starts_with(prefix)).take(max);
        next.filter_map(|id| self.get(id.as_str()).map(|client| read(&client))).collect()
    }

    /// An id's hash, and in which part of the map its client is.
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "so many bits make the number of a shard")]
    fn find(&self, id: &str) -> (u64, &Shard<S>) {
        let hash = self.hasher.hash_one(id);
        // A table looks at the lowest bits and the seven highest ones: in a part these still differ.
        let shard = (hash << 7) >> (u64::BITS - SHARD_BITS);
        (hash, &self.shards[shard as usize])
    }
}

impl<S> Shard<S> {
    /// Readers do not wait for a writer who waits for another reader.
    #[inline]
    fn read(&self) -> RwLockReadGuard<'_, HashTable<Client<S>>> {
        self.0.read_recursive()
    }
}

#[inline]
fn is<S>(id: &str) -> impl Fn(&Client<S>) -> bool {
    move |client| client.id.as_str() == id
}
