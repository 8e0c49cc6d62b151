//! Ids that are not configured: they have no state of their own.

use std::sync::{Arc, atomic::AtomicU64};

use limiter::ClientId;

use super::{
    Class, Client, Entry, LazySlot, Ledger, balances::Balances, policy::UnknownClients,
    strangers::PairStamp,
};
use crate::{
    clients::{ClientConfig, Limits},
    limits::Subject,
};

/// What becomes of them.
#[derive(Debug)]
pub(super) enum Unknown {
    /// All of them are one client, which may have a pair of buckets for each.
    Shared(Client),
    /// They are denied.
    Denied(Denied),
}

/// How often somebody was denied.
#[derive(Debug, Default)]
pub(super) struct Denied {
    pub(super) refused: AtomicU64,
    /// By workers whose filters let pass what is denied.
    pub(super) in_shadow: AtomicU64,
}

impl Unknown {
    pub(super) fn new(
        policy: UnknownClients,
        class_of: impl FnOnce(&Subject<'_>) -> Arc<Class>,
    ) -> Self {
        let limits = match policy {
            UnknownClients::Shared { rpm, tpm } | UnknownClients::Each { rpm, tpm } => {
                Limits { rpm: Some(rpm), tpm: Some(tpm) }
            }
            UnknownClients::Allow => Limits::default(),
            UnknownClients::Deny => return Self::Denied(Denied::default()),
        };
        let id = ClientId::unknown();
        let config = ClientConfig::new(id, limits);
        let entry = Entry { slot: LazySlot::default(), class: class_of(&config.subject()) };
        Self::Shared(Client::new(&config, entry))
    }
}

impl Ledger {
    /// Decides over a request of `id`, which is not configured, by `decide`: where each has buckets of
    /// its own, with those in place of the ones of `unknown`.
    pub(super) fn as_stranger<T>(
        &self,
        unknown: &Client,
        id: &str,
        decide: impl FnOnce(Option<&mut PairStamp>) -> T,
    ) -> T {
        let Some(strangers) = &self.strangers else { return decide(None) };
        let slot = unknown.entry.slot.get_or_take(&self.slots, &unknown.id);
        let swap = |swap: &mut dyn FnMut(&mut Balances)| swap(&mut self.slots.books(slot).balances);
        strangers.lock().decide(id, self.clock.now(), swap, |pair| decide(Some(pair)))
    }

    /// Ends a request by `end`: that of a stranger with its own buckets.
    pub(super) fn end_as_stranger<T>(
        &self,
        id: Option<&str>,
        end: impl FnOnce(Option<&mut PairStamp>) -> T,
    ) -> T {
        let (Some(id), Some(strangers), Unknown::Shared(unknown)) =
            (id, &self.strangers, &self.unknown)
        else {
            return end(None);
        };
        let slot = unknown.entry.slot.get_or_take(&self.slots, &unknown.id);
        let swap = |swap: &mut dyn FnMut(&mut Balances)| swap(&mut self.slots.books(slot).balances);
        strangers.lock().with(id, swap, |pair| end(Some(pair)))
    }

    /// Says in the log how often ids that nobody configured asked unnamed, once that minute is over.
    pub fn tell_of_unconfigured_ids(&self) {
        self.unconfigured.tell(self.clock.now());
    }

    /// What `read` sees of the client that a request of this id counts as; `None`: such are denied.
    pub(super) fn with_client<T>(&self, id: &str, read: impl FnOnce(&Client) -> T) -> Option<T> {
        if let Some(client) = self.clients.get(id) {
            return Some(read(&client));
        }
        match &self.unknown {
            Unknown::Shared(client) => Some(read(client)),
            Unknown::Denied(_) => None,
        }
    }
}
