//! Clients that were deleted, kept for a while so that their counters never go down.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use limiter::ClientId;

use super::client::Client;

/// How many deleted clients are remembered; beyond it the one deleted first is forgotten.
const RETIRED_MAX: usize = 10_000;

/// A client that is created again goes on counting where it was deleted: its metrics are counters,
/// and a counter does not go down while the process runs.
#[derive(Debug, Default)]
pub(super) struct Retired {
    clients: HashMap<ClientId, Arc<Client>>,
    oldest_first: VecDeque<ClientId>,
}

impl Retired {
    pub(super) fn put(&mut self, client: Arc<Client>) {
        if self.oldest_first.len() >= RETIRED_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.clients.remove(&oldest);
        }
        self.oldest_first.push_back(client.id().clone());
        self.clients.insert(client.id().clone(), client);
    }

    pub(super) fn take(&mut self, id: &ClientId) -> Option<Arc<Client>> {
        let client = self.clients.remove(id)?;
        self.oldest_first.retain(|retired| retired != id);
        Some(client)
    }
}
