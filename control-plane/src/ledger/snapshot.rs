//! What the ledger tells of its clients.

use std::sync::atomic::Ordering;

use limiter::ClientId;

use super::{Client, Ledger, RecordSnapshot, Standing, Unknown, slots::Books};
use crate::{
    clients::ClientConfig,
    limits::{LimitName, Measure},
};

/// A client as it stood at one moment.
#[derive(Clone, Debug)]
pub struct ClientSnapshot {
    /// Its configuration.
    pub config: ClientConfig,
    /// What is left of its limits.
    pub standing: Standing,
    /// What happened.
    pub record: RecordSnapshot,
    /// The limits beside its own that apply to its requests, in the order of their names.
    pub limits: Vec<LimitStanding>,
}

/// A limit that applies to a client's requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitStanding {
    /// What it is called.
    pub name: LimitName,
    /// What it limits, and to how much.
    pub measure: Measure,
    /// Whole requests, tokens or places that are left; where it has a bucket for each model, of the one
    /// with the least.
    pub remaining: u64,
    /// Requests of the client that it would have refused: where it is in shadow, by the number on trial,
    /// or where the request's filter is in shadow.
    pub would_refuse: u64,
    /// Requests of the client that it refused.
    pub refused: u64,
}

/// What was seen of ids that are not configured.
#[derive(Debug)]
pub enum UnknownSnapshot {
    /// They share one client.
    Shared(Box<ClientSnapshot>),
    /// They are denied.
    Denied {
        /// How many requests were refused.
        refused: u64,
        /// How many passed all the same, by workers in shadow.
        in_shadow: u64,
    },
}

impl Ledger {
    /// How many clients are configured.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Whether no client is configured.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One client's configuration.
    pub fn config(&self, client: &str) -> Option<ClientConfig> {
        self.clients.get(client).map(|client| client.config.clone())
    }

    /// What one client did and has left.
    pub fn snapshot(&self, client: &str) -> Option<ClientSnapshot> {
        self.clients.get(client).map(|client| self.snapshot_of(&client))
    }

    /// At most `max` configurations, by id, of the clients that come after `after`.
    pub fn configs_after(&self, after: Option<&ClientId>, max: usize) -> Vec<ClientConfig> {
        self.clients.after(after, max, |client| client.config.clone())
    }

    /// What at most `max` clients did and have left, by id, those that come after `after`.
    pub fn snapshots_after(&self, after: Option<&ClientId>, max: usize) -> Vec<ClientSnapshot> {
        self.clients.after(after, max, |client| self.snapshot_of(client))
    }

    /// What all ids that are not configured did together.
    pub fn unknown_snapshot(&self) -> UnknownSnapshot {
        match &self.unknown {
            Unknown::Shared(client) => UnknownSnapshot::Shared(Box::new(self.snapshot_of(client))),
            Unknown::Denied(denied) => UnknownSnapshot::Denied {
                refused: denied.refused.load(Ordering::Relaxed),
                in_shadow: denied.in_shadow.load(Ordering::Relaxed),
            },
        }
    }

    pub(super) fn snapshot_of(&self, client: &Client) -> ClientSnapshot {
        let now = self.clock.now();
        let as_of = |books: &Books| ClientSnapshot {
            config: client.config.clone(),
            standing: books.balances.standing(client.config.limits, now),
            record: books.record.snapshot(now),
            limits: Vec::new(),
        };
        match client.slot.get() {
            Some(slot) => as_of(&self.slots.books(slot)),
            None => as_of(&Books::default()),
        }
    }
}
