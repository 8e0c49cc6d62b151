//! What an operator's writes do to the ledger.

use super::{ClientSnapshot, LazySlot, Ledger};
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
        let replaced = self.clients.replace(config, |slot| {
            if let Some(slot) = slot.get() {
                self.slots.books(slot).balances.change_limits(config.limits, now);
            }
        });
        if replaced {
            return Written::Replaced;
        }
        let slot = retired.take(&config.id).inspect(|slot| self.slots.books(*slot).begin_anew());
        self.clients.insert(config, slot.map(LazySlot::from).unwrap_or_default());
        Written::Created
    }

    /// Forgets a client's configuration and balances; `false` when there is no such client.
    pub fn remove(&self, client: &str) -> bool {
        let mut retired = self.retired.lock();
        let Some(removed) = self.clients.remove(client) else { return false };
        if let Some(slot) = removed.slot.get()
            && let Some(forgotten) = retired.put(removed.config.id, slot)
        {
            self.slots.give_back(forgotten);
        }
        true
    }

    /// Fills a client's buckets, whatever it spent or owes, and tells how it then stands; `None`
    /// when there is no such client. Requests that are under way then only count in its statistics: nothing of
    /// theirs is given back to the new buckets.
    pub fn reset(&self, client: &str) -> Option<ClientSnapshot> {
        let client = self.clients.get(client)?;
        if let Some(slot) = client.slot.get() {
            self.slots.books(slot).balances.begin_anew();
        }
        Some(self.snapshot_of(&client))
    }
}
