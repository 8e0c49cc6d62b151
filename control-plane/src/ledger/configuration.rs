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
            self.write_down(slot, None);
            return Written::Replaced;
        }
        // Of one that was deleted while its end could not be written down, something may be left. It
        // is noted before anybody can be charged.
        self.write_down(None, Some(&config.id));
        let slot = retired.take(&config.id);
        if let Some(slot) = slot {
            self.slots.books(slot).begin_anew(&config.id);
        }
        self.clients.insert(config, slot.map(LazySlot::from).unwrap_or_default());
        self.write_down(slot, None);
        Written::Created
    }

    /// Forgets a client's configuration and balances; `false` when there is no such client.
    pub fn remove(&self, client: &str) -> bool {
        let mut retired = self.retired.lock();
        let Some(removed) = self.clients.remove(client) else { return false };
        self.write_down(None, Some(&removed.config.id));
        if let Some(slot) = removed.slot.get() {
            self.slots.books(slot).retire();
            if let Some(forgotten) = retired.put(removed.config.id, slot) {
                self.slots.give_back(forgotten);
            }
        }
        true
    }

    /// Fills a client's buckets, whatever it spent or owes, and tells how it then stands; `None`
    /// when there is no such client. Requests that are under way then only count in its statistics: nothing of
    /// theirs is given back to the new buckets.
    pub fn reset(&self, client: &str) -> Option<ClientSnapshot> {
        let client = self.clients.get(client)?;
        let slot = client.slot.get();
        if let Some(slot) = slot {
            self.slots.books(slot).balances.begin_anew();
        }
        let after = self.snapshot_of(&client);
        drop(client);
        self.write_down(slot, None);
        Some(after)
    }

    /// Notes that a slot was changed and a client is another one now; a file of a million clients is
    /// written in many entries.
    fn write_down(&self, changed: Option<SlotNumber>, forgotten: Option<&ClientId>) {
        let mut pen = self.journal.pen();
        if let Some(client) = forgotten {
            let client = client.as_str();
            pen.note(|| Record::Forgotten(ForgottenRecord { client }));
        }
        if let Some(slot) = changed {
            pen.touch(slot);
        }
        if pen.has_much() {
            self.journal.write(pen, &self.slots, self.clock.now());
        }
    }

    /// Notes that a slot was changed.
    pub(super) fn touch(&self, slot: SlotNumber) {
        self.write_down(Some(slot), None);
    }
}
