//! Ids that are not configured: they have no state of their own.

use std::sync::{Arc, atomic::AtomicU64};

use limiter::ClientId;

use super::{Class, Client, Entry, LazySlot, Ledger, policy::UnknownClients};
use crate::{
    clients::{ClientConfig, Limits},
    limits::Subject,
};

/// What becomes of them.
#[derive(Debug)]
pub(super) enum Unknown {
    /// All of them are one client.
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
            UnknownClients::Shared { rpm, tpm } => Limits { rpm: Some(rpm), tpm: Some(tpm) },
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
