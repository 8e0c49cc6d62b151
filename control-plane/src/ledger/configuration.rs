//! What an operator's writes do to the ledger.

use limiter::ClientId;

use super::{Books, ClientSnapshot, Ledger};
use crate::clients::ClientConfig;

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// There was no such client.
    Created,
    /// The client's configuration was replaced.
    Replaced,
}

impl Ledger {
    /// Creates a client, or puts another configuration in force; what was spent stays spent.
    pub fn configure(&self, config: &ClientConfig) -> Written {
        // Held to the end: writers wait for each other.
        let mut retired = self.retired.lock();
        let now = self.clock.now();
        let replaced = self
            .clients
            .replace(config, |books| books.balances.lock().change_limits(config.limits, now));
        if replaced {
            return Written::Replaced;
        }
        let books = retired.take(&config.id).map(revived).unwrap_or_default();
        self.clients.insert(config, books);
        Written::Created
    }

    /// Forgets a client's configuration and balances; `false` when there is no such client.
    pub fn remove(&self, client: &str) -> bool {
        let mut retired = self.retired.lock();
        let Some(removed) = self.clients.remove(client) else { return false };
        retired.put(removed.config.id, removed.page);
        true
    }

    /// Fills a client's buckets, whatever it spent or owes, and tells how it then stands; `None`
    /// when there is no such client. Requests that are under way settle with its statistics alone.
    pub fn reset(&self, client: &str) -> Option<ClientSnapshot> {
        let client = self.clients.get(client)?;
        client.page.balances.lock().begin_anew();
        Some(ClientSnapshot::of(&client, self.clock.now()))
    }

    /// The books of the client of a reservation, of one that was deleted meanwhile too: what it
    /// holds still counts. One that is forgotten has none.
    pub(super) fn with_books(&self, client: &ClientId, end: impl FnOnce(&Books)) {
        if let Some(shared) = self.unknown.shared(client) {
            return end(&shared.page);
        }
        if let Some(client) = self.clients.get(client.as_str()) {
            return end(&client.page);
        }
        // Writers wait: it is in one of the two.
        let retired = self.retired.lock();
        if let Some(books) = retired.get(client) {
            end(books);
        } else if let Some(client) = self.clients.get(client.as_str()) {
            end(&client.page);
        }
    }
}

/// A client that was deleted is created again: full buckets, and the counters go on. What its
/// requests of before still hold is not given back to these buckets.
fn revived(books: Box<Books>) -> Box<Books> {
    books.balances.lock().begin_anew();
    books.record.lock().unlearn();
    books
}
