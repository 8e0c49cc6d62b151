//! Clients that were deleted, kept for a while so that their counters never go down.

use std::collections::{HashMap, VecDeque};

use limiter::ClientId;

use super::SlotNumber;

/// How many deleted clients are remembered; beyond it the one deleted first is forgotten.
const RETIRED_MAX: usize = 10_000;

/// A client that is created again goes on counting where it was deleted: its metrics are counters,
/// and a counter does not go down while the process runs.
#[derive(Debug, Default)]
pub(super) struct Retired {
    clients: HashMap<ClientId, SlotNumber>,
    oldest_first: VecDeque<ClientId>,
}

impl Retired {
    /// Keeps one more; the answer is the slot of one that is forgotten for it.
    pub(super) fn put(&mut self, id: ClientId, slot: SlotNumber) -> Option<SlotNumber> {
        let forgotten = (self.oldest_first.len() >= RETIRED_MAX)
            .then(|| self.oldest_first.pop_front())
            .flatten()
            .and_then(|oldest| self.clients.remove(&oldest));
        self.oldest_first.push_back(id.clone());
        self.clients.insert(id, slot);
        forgotten
    }

    /// The slot of one that is kept.
    pub(super) fn get(&self, id: &str) -> Option<SlotNumber> {
        self.clients.get(id).copied()
    }

    pub(super) fn take(&mut self, id: &ClientId) -> Option<SlotNumber> {
        let slot = self.clients.remove(id)?;
        self.oldest_first.retain(|retired| retired != id);
        Some(slot)
    }
}
