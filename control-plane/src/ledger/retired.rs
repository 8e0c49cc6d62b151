//! Clients that were deleted, kept for a while so that their counters never go down.

use std::collections::{HashMap, VecDeque};

use limiter::ClientId;

use super::Books;

/// How many deleted clients are remembered; beyond it the one deleted first is forgotten.
const RETIRED_MAX: usize = 10_000;

/// A client that is created again goes on counting where it was deleted: its metrics are counters,
/// and a counter does not go down while the process runs.
#[derive(Debug, Default)]
pub(super) struct Retired {
    clients: HashMap<ClientId, Box<Books>>,
    oldest_first: VecDeque<ClientId>,
}

impl Retired {
    pub(super) fn put(&mut self, id: ClientId, books: Box<Books>) {
        if self.oldest_first.len() >= RETIRED_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.clients.remove(&oldest);
        }
        self.oldest_first.push_back(id.clone());
        self.clients.insert(id, books);
    }

    pub(super) fn get(&self, id: &ClientId) -> Option<&Books> {
        self.clients.get(id).map(Box::as_ref)
    }

    pub(super) fn take(&mut self, id: &ClientId) -> Option<Box<Books>> {
        let books = self.clients.remove(id)?;
        self.oldest_first.retain(|retired| retired != id);
        Some(books)
    }
}
