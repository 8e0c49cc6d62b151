//! The one door to balances: every client's limits, account and tally.
//!
//! A decision looks the client up, which keeps writers out of a part of the map meanwhile, and
//! decides, charges and counts under the client's own lock: one atomic step. Only configured clients have state; all other ids
//! share one client, [`ClientId::UNKNOWN`]. Time is an argument of every call.

mod client;
mod end;
mod histogram;
mod index;
mod learned;
mod retired;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use dashmap::DashMap;
use limiter::{ClientId, Dimension, Limits, Refusal, Standing, Tokens, UnixMillis};
use parking_lot::Mutex;

use client::{ById, Client};
pub use client::{ClientSnapshot, Held};
pub use end::{End, Outcome};
pub use histogram::{DURATION_BUCKETS_MS, Histogram};
use index::Index;
use retired::Retired;

use crate::settings::{ChargePolicy, Estimate, EstimatePolicy, UnknownClients};

/// One client's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientConfig {
    /// Who is limited.
    pub id: ClientId,
    /// To what.
    pub limits: Limits,
    /// `false`: counted, but not limited.
    pub enabled: bool,
    /// The least that a request reserves which makes tokens, up to the client's tokens per minute;
    /// `None`: what holds for all.
    pub min_estimate: Option<Tokens>,
}

/// One request, as it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Its own estimate, when it has one.
    pub estimate: Option<Tokens>,
    /// What it is for.
    pub kind: RequestKind,
}

/// What a request is for, as its method and path tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// It may use tokens.
    Generates,
    /// It reads, lists or deletes what is there.
    Reads,
    /// It counts the tokens that another request would use.
    Counts,
}

/// A request that may use tokens.
impl From<Option<Tokens>> for Ask {
    fn from(estimate: Option<Tokens>) -> Self {
        Self { estimate, kind: RequestKind::Generates }
    }
}

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// There was no such client.
    Created,
    /// The client's configuration was replaced.
    Replaced,
}

/// The answer to one ask.
#[derive(Debug)]
pub enum Answer {
    /// Charged.
    Admitted {
        /// Has to be settled or released, or to stand.
        held: Held,
        /// Where the client stands now.
        standing: Standing,
    },
    /// Not charged.
    Refused {
        /// Why, and until when.
        refusal: Refusal,
        /// The tokens that would have been reserved.
        reserved: Tokens,
        /// Where the client stands.
        standing: Standing,
    },
    /// The id is not configured, and such clients are denied.
    UnknownClient,
}

/// What is charged, beside the limits.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// What becomes of ids that are not configured.
    pub unknown_clients: UnknownClients,
    /// How many tokens a request reserves.
    pub estimate: EstimatePolicy,
    /// What a request is charged in the end of which it is not known what it used.
    pub charge: ChargePolicy,
}

/// The defaults of everything else.
impl From<UnknownClients> for Policy {
    fn from(unknown_clients: UnknownClients) -> Self {
        let (default, min) = (Tokens::ZERO, Tokens::ZERO);
        let estimate = EstimatePolicy { source: Estimate::Header, default, min };
        Self { unknown_clients, estimate, charge: ChargePolicy::default() }
    }
}

/// All accounts of this process.
#[derive(Debug)]
pub struct Ledger {
    estimate: EstimatePolicy,
    charge: ChargePolicy,
    clients: DashMap<ById, ()>,
    index: Index,
    retired: Mutex<Retired>,
    unknown: Unknown,
}

/// What becomes of ids that are not configured.
#[derive(Debug)]
enum Unknown {
    Shared(Arc<Client>),
    Denied { count: AtomicU64 },
}

/// What was seen of ids that are not configured.
#[derive(Debug)]
pub enum UnknownSnapshot {
    /// They share one client.
    Shared(Box<ClientSnapshot>),
    /// They are denied.
    Denied {
        /// How many requests were.
        requests: u64,
    },
}

impl Ledger {
    /// A ledger without clients.
    pub fn new(policy: impl Into<Policy>, now: UnixMillis) -> Self {
        let policy = policy.into();
        let unknown = match policy.unknown_clients {
            UnknownClients::Shared { rpm, tpm } => {
                shared_by_unknown(Limits { rpm: Some(rpm), tpm: Some(tpm) }, now)
            }
            UnknownClients::Allow => shared_by_unknown(Limits::default(), now),
            UnknownClients::Deny => Unknown::Denied { count: AtomicU64::new(0) },
        };
        Self {
            estimate: policy.estimate,
            charge: policy.charge,
            clients: DashMap::new(),
            index: Index::default(),
            retired: Mutex::default(),
            unknown,
        }
    }

    /// Decides over one request of `client`, charges it when admitted and counts it.
    pub fn decide(&self, client: &str, ask: impl Into<Ask>, now: UnixMillis) -> Answer {
        let ask = ask.into();
        if let Some(found) = self.clients.get(client) {
            return found.key().0.decide(ask, self.estimate, now);
        }
        match &self.unknown {
            Unknown::Shared(client) => client.decide(ask, self.estimate, now),
            Unknown::Denied { count } => {
                count.fetch_add(1, Ordering::Relaxed);
                Answer::UnknownClient
            }
        }
    }

    /// Counts requests that were refused where they arrived, for a limit that had just refused
    /// others of their client.
    pub fn drop_requests(&self, client: &str, limit: Dimension, requests: u64, now: UnixMillis) {
        if let Some(found) = self.clients.get(client) {
            return found.key().0.drop_requests(limit, requests, now);
        }
        match &self.unknown {
            Unknown::Shared(client) => client.drop_requests(limit, requests, now),
            // Nothing refused them but a limit that was there a moment ago.
            Unknown::Denied { count } => {
                count.fetch_add(requests, Ordering::Relaxed);
            }
        }
    }

    /// Ends a request that was forwarded: it is charged what it used, or what the policy says of a
    /// response that did not tell.
    pub fn settle(&self, held: Held, end: &End, now: UnixMillis) {
        held.settle(end, &self.charge, self.estimate.source, now);
    }

    /// Fills a client's buckets, whatever it spent or owes, and tells how it then stands; `None`
    /// when there is no such client. Requests that are under way settle with its statistics alone.
    pub fn reset(&self, client: &str, now: UnixMillis) -> Option<ClientSnapshot> {
        let found = self.clients.get(client)?;
        let client = &found.key().0;
        client.reset(now);
        Some(client.snapshot(now))
    }

    /// Creates a client, or puts another configuration in force; what was spent stays spent.
    pub fn configure(&self, config: &ClientConfig, now: UnixMillis) -> Written {
        // Held to the end: writers wait for each other.
        let mut retired = self.retired.lock();
        if let Some(found) = self.clients.get(config.id.as_str()) {
            found.key().0.configure(config, now);
            return Written::Replaced;
        }
        let client = match retired.take(&config.id) {
            Some(deleted) => {
                deleted.revive(config, now);
                deleted
            }
            None => Client::new(config, now),
        };
        self.index.insert(&client);
        self.clients.insert(ById(client), ());
        Written::Created
    }

    /// Forgets a client's configuration and balances; `false` when there is no such client.
    pub fn remove(&self, client: &str) -> bool {
        let mut retired = self.retired.lock();
        match self.clients.remove(client) {
            Some((ById(client), ())) => {
                self.index.remove(client.id().as_str());
                retired.put(client);
                true
            }
            None => false,
        }
    }

    /// How many clients are configured.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Whether no client is configured.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// One client's configuration.
    pub fn config(&self, client: &str) -> Option<ClientConfig> {
        self.clients.get(client).map(|found| found.key().0.config())
    }

    /// What one client did and has left.
    pub fn snapshot(&self, client: &str, now: UnixMillis) -> Option<ClientSnapshot> {
        self.clients.get(client).map(|found| found.key().0.snapshot(now))
    }

    /// At most `max` configurations, by id, of the clients that come after `after`.
    pub fn configs_after(&self, after: Option<&ClientId>, max: usize) -> Vec<ClientConfig> {
        self.index.after(after, max).iter().map(|client| client.config()).collect()
    }

    /// What at most `max` clients did and have left, by id, those that come after `after`.
    pub fn snapshots_after(
        &self,
        after: Option<&ClientId>,
        max: usize,
        now: UnixMillis,
    ) -> Vec<ClientSnapshot> {
        self.index.after(after, max).iter().map(|client| client.snapshot(now)).collect()
    }

    /// What all ids that are not configured did together.
    pub fn unknown_snapshot(&self, now: UnixMillis) -> UnknownSnapshot {
        match &self.unknown {
            Unknown::Shared(client) => UnknownSnapshot::Shared(Box::new(client.snapshot(now))),
            Unknown::Denied { count } => {
                UnknownSnapshot::Denied { requests: count.load(Ordering::Relaxed) }
            }
        }
    }
}

fn shared_by_unknown(limits: Limits, now: UnixMillis) -> Unknown {
    let id = ClientId::unknown();
    let config = ClientConfig { id, limits, enabled: true, min_estimate: None };
    Unknown::Shared(Client::new(&config, now))
}
