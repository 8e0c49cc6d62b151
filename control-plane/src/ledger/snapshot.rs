//! What the ledger tells of its clients.

use std::sync::atomic::{AtomicU64, Ordering};

use limiter::ClientId;

use super::{
    Client, Ledger, RecordSnapshot, Standing, Unknown,
    keys::{Part, SharedKey},
    rules::InForce,
    slots::Books,
    stock::{Remainder, Stocks},
};
use crate::{
    clients::{ClientConfig, Span},
    limits::{Each, Limit, LimitMode, LimitName, Measure, Models},
};

/// A client as it stood at one moment.
#[derive(Clone, Debug)]
pub struct ClientSnapshot {
    /// Its configuration.
    pub config: ClientConfig,
    /// What is left of its own limits.
    pub standing: Standing,
    /// The limits beside them that apply to its requests, in the order of their names.
    pub limits: Vec<LimitStanding>,
    /// What happened.
    pub record: RecordSnapshot,
}

/// A limit that applies to a client's requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitStanding {
    /// What it is called.
    pub name: LimitName,
    /// What it limits, and to how much.
    pub measure: Measure,
    /// Whether it refuses.
    pub mode: LimitMode,
    /// What is left; where it has a bucket for each model, of the one with the least.
    pub left: Remainder,
    /// Requests of the client that it would have refused: where it is in shadow, by the number on trial,
    /// or where the request's filter is in shadow.
    pub would_refuse: u64,
    /// Requests of the client that it refused.
    pub refused: u64,
}

/// A limit, and what happened to it.
#[derive(Clone, Debug)]
pub struct LimitSnapshot {
    /// As it is configured.
    pub config: Limit,
    /// Requests that it refused, since the process started.
    pub refused: u64,
    /// That it would have refused, were it or the request's filter not in shadow.
    pub refused_in_shadow: u64,
    /// That it would have refused by the number on trial.
    pub refused_on_trial: u64,
    /// Whole requests, tokens or places that are left, where all its requests share one bucket.
    pub remaining: Option<u64>,
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
        self.clients.get(client).map(|client| self.config_of(&client))
    }

    /// What one client did and has left.
    pub fn snapshot(&self, client: &str) -> Option<ClientSnapshot> {
        self.clients.get(client).map(|client| self.snapshot_of(&client))
    }

    /// At most `max` configurations, by id, of the clients that come after `after`.
    pub fn configs_after(&self, after: Option<&ClientId>, max: usize) -> Vec<ClientConfig> {
        self.clients.after(after, max, |client| self.config_of(client))
    }

    /// What at most `max` clients did and have left, by id, those that come after `after`.
    pub fn snapshots_after(&self, after: Option<&ClientId>, max: usize) -> Vec<ClientSnapshot> {
        self.clients.after(after, max, |client| self.snapshot_of(client))
    }

    /// At most `max` configurations, by id, of the clients of a span.
    pub fn configs_within(&self, span: &Span, max: usize) -> Vec<ClientConfig> {
        let Span { after, prefix } = span;
        self.clients.within((after.as_ref(), prefix), max, |client| self.config_of(client))
    }

    /// What at most `max` clients of a span did and have left, by id.
    pub fn snapshots_within(&self, span: &Span, max: usize) -> Vec<ClientSnapshot> {
        let Span { after, prefix } = span;
        self.clients.within((after.as_ref(), prefix), max, |client| self.snapshot_of(client))
    }

    /// The client that all ids which are not configured are; `None`: they are denied.
    pub fn unknown_config(&self) -> Option<ClientConfig> {
        match &self.unknown {
            Unknown::Shared(client) => Some(self.config_of(client)),
            Unknown::Denied(_) => None,
        }
    }

    /// What all ids that are not configured did together.
    pub fn unknown_snapshot(&self) -> UnknownSnapshot {
        // While one of them is decided, its buckets stand in the place of those of `unknown`.
        let _nobody_is_decided = self.strangers.as_ref().map(|strangers| strangers.lock());
        match &self.unknown {
            Unknown::Shared(client) => UnknownSnapshot::Shared(Box::new(self.snapshot_of(client))),
            Unknown::Denied(denied) => UnknownSnapshot::Denied {
                refused: denied.refused.load(Ordering::Relaxed),
                in_shadow: denied.in_shadow.load(Ordering::Relaxed),
            },
        }
    }

    /// The limits in force beside clients' own, in the order of their names.
    pub fn limits(&self) -> Vec<Limit> {
        self.rules.limits().iter().map(|limit| limit.config.clone()).collect()
    }

    /// The models in force.
    pub fn models(&self) -> Models {
        self.rules.models().models().clone()
    }

    /// The limits in force, in the order of their names, and what happened to them.
    pub fn limit_snapshots(&self) -> Vec<LimitSnapshot> {
        self.rules.limits().iter().map(|limit| self.limit_snapshot(limit)).collect()
    }

    fn limit_snapshot(&self, limit: &InForce) -> LimitSnapshot {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let is_one = limit.config.each == Each::default() && limit.config.mode != LimitMode::Off;
        LimitSnapshot {
            config: limit.config.clone(),
            refused: count(&limit.counted.enforced),
            refused_in_shadow: count(&limit.counted.shadow),
            refused_on_trial: count(&limit.counted.trial),
            remaining: is_one.then(|| self.least_left(limit, limit.shared_keys(), None).remaining),
        }
    }

    /// What is left of the fullest-drawn of these shared buckets, or of a client's own.
    fn least_left(
        &self,
        limit: &InForce,
        shared: Vec<SharedKey>,
        own: Option<&Books>,
    ) -> Remainder {
        let now = self.clock.now();
        let left = |stocks: &Stocks| {
            let main = limit.stock(Part::Main, stocks.get(Part::Main), now);
            main.map_or(Remainder::UNBOUNDED, |stock| stock.left(now))
        };
        let beside = own.into_iter().flat_map(|books| books.balances.beside.iter());
        let of_limit = beside.filter(|(key, _)| key.limit == limit.number);
        let own = of_limit.map(|(_, stocks)| left(stocks));
        let shared = shared
            .into_iter()
            .filter_map(|key| self.shared.books_of(key).map(|books| left(&books.stocks)));
        let full = left(&Stocks::default());
        own.chain(shared).fold(full, Remainder::lesser)
    }

    fn limits_of(&self, client: &Client, books: &Books) -> Vec<LimitStanding> {
        let Some(applied) = client.entry.class.applied() else { return Vec::new() };
        let limits = applied.limits().into_iter().map(|(limit, shared)| {
            let count = books.record.count_by(limit.number);
            LimitStanding {
                name: limit.config.name.clone(),
                measure: limit.config.measure,
                mode: limit.config.mode,
                left: self.least_left(limit, shared, Some(books)),
                would_refuse: count.would_refuse,
                refused: count.refused,
            }
        });
        limits.collect()
    }

    pub(super) fn snapshot_of(&self, client: &Client) -> ClientSnapshot {
        let now = self.clock.now();
        let as_of = |books: &Books| ClientSnapshot {
            config: self.config_of(client),
            standing: books.balances.standing(client.limits, now),
            limits: self.limits_of(client, books),
            record: books.record.snapshot(now),
        };
        match client.entry.slot.get() {
            Some(slot) => as_of(&self.slots.books(slot)),
            None => as_of(&Books::default()),
        }
    }
}
