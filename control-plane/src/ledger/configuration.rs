//! What an operator's writes do to the ledger.

use limiter::ClientId;

use super::{ClientSnapshot, LazySlot, Ledger, SlotNumber};
use crate::{
    clients::ClientConfig,
    store::state::{ForgottenRecord, Record},
};

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
    ///
    /// What is done here and below is written down with the next [`Ledger::commit`].
    pub fn configure(&self, config: &ClientConfig) -> Written {
        // Held to the end: writers wait for each other.
        let mut retired = self.retired.lock();
        let now = self.clock.now();
        let mut slot = None;
        let replaced = self.clients.replace(config, |of_client| {
            slot = of_client.get();
            if let Some(slot) = slot {
                self.slots.books(slot).balances.change_limits(config.limits, now);
            }
        });
        if replaced {
            if let Some(slot) = slot {
                self.touch(slot);
            }
            return Written::Replaced;
        }
        // Of one that was deleted while its end could not be written down, something may be left. It
        // is noted before anybody can be charged.
        self.note_forgotten(&config.id);
        let slot = retired.take(&config.id);
        if let Some(slot) = slot {
            self.slots.books(slot).begin_anew(&config.id);
            self.touch(slot);
        }
        self.clients.insert(config, slot.map(LazySlot::from).unwrap_or_default());
        Written::Created
    }

    /// Forgets a client's configuration and balances; `false` when there is no such client.
    pub fn remove(&self, client: &str) -> bool {
        let mut retired = self.retired.lock();
        let Some(removed) = self.clients.remove(client) else { return false };
        self.note_forgotten(&removed.config.id);
        if let Some(slot) = removed.slot.get() {
            self.slots.books(slot).retire();
            if let Some(forgotten) = retired.put(removed.config.id, slot) {
                self.slots.give_back(forgotten);
            }
        }
        true
    }

    /// Fills a client's buckets, whatever it spent or owes, and tells how it then stands; `None`
    /// when there is no such client. Requests that are under way then only count in its statistics:
    /// nothing of theirs is given back to the new buckets.
    pub fn reset(&self, client: &str) -> Option<ClientSnapshot> {
        let client = self.clients.get(client)?;
        let slot = client.slot.get();
        if let Some(slot) = slot {
            self.slots.books(slot).balances.begin_anew();
        }
        let after = self.snapshot_of(&client);
        drop(client);
        if let Some(slot) = slot {
            self.touch(slot);
        }
        Some(after)
    }

    /// Notes that a client is another one now.
    fn note_forgotten(&self, client: &ClientId) {
        let mut pen = self.journal.pen();
        pen.note(|| Record::Forgotten(ForgottenRecord { client: client.as_str() }));
        self.write_if_much(pen);
    }

    /// Notes that a slot was changed.
    pub(super) fn touch(&self, slot: SlotNumber) {
        let mut pen = self.journal.pen();
        pen.touch(slot);
        self.write_if_much(pen);
    }
}
