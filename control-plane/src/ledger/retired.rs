//! Clients that were deleted, kept for a while so that their counters never go down.

use std::collections::{BTreeMap, HashMap};

use limiter::ClientId;

use super::SlotNumber;

/// How many deleted clients are remembered; beyond it the one deleted first is forgotten.
const RETIRED_MAX: usize = 10_000;

/// A client that is created again goes on counting where it was deleted: its metrics are counters,
/// and a counter does not go down while the process runs.
#[derive(Debug)]
pub(super) struct Retired {
    max: usize,
    clients: HashMap<ClientId, (SlotNumber, u64)>,
    /// By how many had been deleted before.
    oldest_first: BTreeMap<u64, ClientId>,
    deleted: u64,
}

impl Default for Retired {
    fn default() -> Self {
        let (clients, oldest_first) = (HashMap::new(), BTreeMap::new());
        Self { max: RETIRED_MAX, clients, oldest_first, deleted: 0 }
    }
}

impl Retired {
    /// Remembers everybody.
    pub(super) fn for_ever() -> Self {
        Self { max: usize::MAX, ..Self::default() }
    }

    /// Keeps one more; the answer is the slot of one that is forgotten for it.
    pub(super) fn put(&mut self, id: ClientId, slot: SlotNumber) -> Option<SlotNumber> {
        let forgotten = (self.oldest_first.len() >= self.max)
            .then(|| self.oldest_first.pop_first())
            .flatten()
            .and_then(|(_, oldest)| self.clients.remove(&oldest));
        self.deleted += 1;
        self.oldest_first.insert(self.deleted, id.clone());
        self.clients.insert(id, (slot, self.deleted));
        forgotten.map(|(slot, _)| slot)
    }

    /// The slot of one that is kept.
    pub(super) fn get(&self, id: &str) -> Option<SlotNumber> {
        self.clients.get(id).map(|(slot, _)| *slot)
    }

    pub(super) fn take(&mut self, id: &ClientId) -> Option<SlotNumber> {
        let (slot, deleted) = self.clients.remove(id)?;
        self.oldest_first.remove(&deleted);
        Some(slot)
    }
}
