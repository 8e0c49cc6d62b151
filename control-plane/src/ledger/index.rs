//! The configured clients in the order of their ids, to be read a few at a time.
//!
//! Whoever lists a million clients holds a few of them and the id where to go on: a list costs what
//! its reader takes of it, and writers and decisions wait for none.

use std::{
    collections::BTreeSet,
    ops::Bound::{Excluded, Unbounded},
    sync::Arc,
};

use limiter::ClientId;
use parking_lot::RwLock;

use super::client::{ById, Client};

/// The same clients as the ledger's map has, which has no order.
#[derive(Debug, Default)]
pub(super) struct Index(RwLock<BTreeSet<ById>>);

impl Index {
    pub(super) fn insert(&self, client: &Arc<Client>) {
        self.0.write().insert(ById(Arc::clone(client)));
    }

    pub(super) fn remove(&self, id: &str) {
        self.0.write().remove(id);
    }

    /// At most `max` clients whose ids come after `after`, or the first ones.
    pub(super) fn after(&self, after: Option<&ClientId>, max: usize) -> Vec<Arc<Client>> {
        let clients = self.0.read();
        let after = after.map_or(Unbounded, |id| Excluded(id.as_str()));
        clients
            .range::<str, _>((after, Unbounded))
            .take(max)
            .map(|ById(client)| Arc::clone(client))
            .collect()
    }
}
