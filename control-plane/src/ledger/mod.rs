//! The ledger: who has which limits, what is left of them, and what happened.
//!
//! Requests go in by [`Ledger::decide`] and out by [`Ledger::end`], and by no other door. Between
//! the two a request holds a reservation, which is data and its [`Worker`]'s. Three things are known
//! of a client, and one look-up finds all: the catalog (`clients`) says which limits it has, and
//! where its slot is, which holds what is left of them (`balances`) and what happened (`record`).
//! Only configured clients have a slot; all other ids share one client,
//! [`ClientId::UNKNOWN`](limiter::ClientId::UNKNOWN). What is decided is written down before it is
//! told (`journal`), and taken back by the process that comes next (`restore`).

mod ask;
mod balances;
mod beside;
mod buckets;
mod charges;
mod clock;
mod configuration;
mod cost;
mod decide;
mod end;
mod identities;
mod journal;
mod keys;
mod known_by;
mod lines;
mod look;
mod outlook;
mod passed_over;
mod past;
mod policy;
mod possible;
mod record;
mod recorded;
mod replay;
mod replica;
mod reservation;
mod restore;
mod retired;
mod rules;
mod shared;
mod slot_key;
mod slots;
mod snapshot;
mod stock;
mod strangers;
mod together;
mod unconfigured;
mod unknown;
mod worker;
mod workers;
mod written;

use std::sync::Arc;

use limiter::UnixMillis;
use parking_lot::Mutex;
use proto::plugin_config::Identity;

pub use ask::{Answer, Ask, Left, Refusal, RequestKind, Shortage, Standing, Tightest};
pub use buckets::{BucketOf, BucketStanding, LimitStats};
pub use clock::{Clock, ManualClock, SystemClock};
pub use configuration::Written;
pub use cost::{Outcome, Response};
pub use end::End;
use identities::KnownBy;
use journal::Journal;
pub use look::{ChangedClient, Look, Looks, Since};
pub use outlook::{Applies, Asker, LimitLeft, LimitOutlook, Outlook, Question, Verdict};
use passed_over::PassedOver;
use past::Past;
pub use past::{
    DecisionCursor, DecisionPage, DecisionsKept, DecisionsStanding, HISTORY_MINUTES, History,
    HistoryPoint, InvalidDecisionCursor, KeptDecision, Unread,
};
pub use policy::{
    AbortCharge, ChargePolicy, EstimatePolicy, EstimateSource, FallbackCharge, Policy, ReadCharge,
    ResumePolicy, RetryAfter, UnknownClients, WithoutUsageCharge,
};
pub use possible::{ImpossibleRecord, check};
pub use record::{DURATION_BUCKETS_MS, Histogram, RecordSnapshot, RefusedInShadow};
pub use replay::{
    ClientPreview, FirstRefusal, GivenUp, PREVIEWED_MAX, Preview, Refusals, Supposed,
    SupposedClients,
};
pub use replica::MovedIn;
use replica::Replica;
use reservation::Reservation;
use retired::Retired;
use rules::{Class, Rules};
use shared::SharedBuckets;
use slot_key::SlotNumber;
use slots::{LazySlot, Slots};
pub use snapshot::{ClientSnapshot, LimitSnapshot, LimitStanding, UnknownSnapshot};
pub use stock::Remainder;
use strangers::Strangers;
use unconfigured::Unconfigured;
use unknown::Unknown;
pub use worker::{HELD_MAX, Worker, WorkerId};
pub use workers::Ended;
use workers::Workers;

use crate::{
    clients::{self, Catalog, ClientConfig},
    credentials::{Keys, Tokens},
    limits::Subject,
    store::shared::SharedStore,
};

/// A client as the catalog has it: its configuration, and where the rest is found.
type Client = clients::Client<Entry>;

/// A million clients have one.
const _: () = assert!(size_of::<Client>() <= 64);

/// Where what is left of a client's limits is, and which limits apply to it beside its own.
#[derive(Debug)]
struct Entry {
    slot: LazySlot,
    class: Arc<Class>,
}

/// Its group and plan are those of its class.
impl Client {
    /// What its requests are known by.
    fn subject(&self) -> Subject<'_> {
        self.entry.class.subject(&self.id)
    }
}

/// All books of this process.
#[derive(Debug)]
pub struct Ledger {
    policy: Policy,
    clock: Clock,
    clients: Catalog<Entry>,
    identities: KnownBy,
    keys: Keys,
    tokens: Arc<Tokens>,
    slots: Slots,
    rules: Rules,
    shared: SharedBuckets,
    retired: Mutex<Retired>,
    passed_over: Mutex<PassedOver>,
    unknown: Unknown,
    /// Where each id that is not configured has buckets of its own.
    strangers: Option<Mutex<Strangers>>,
    unconfigured: Unconfigured,
    workers: Workers,
    journal: Journal,
    /// What was decided of late.
    past: Past,
    /// What is shared with other processes; `None`: all that is left of limits is here.
    replica: Option<Replica>,
}

impl Ledger {
    /// Whether other processes have the same balances, so that a worker may go on with any of them.
    pub fn is_shared(&self) -> bool {
        self.replica.is_some()
    }

    /// A ledger without clients.
    pub fn new(policy: Policy, clock: impl Into<Clock>) -> Self {
        let (rules, shared) = (Rules::default(), SharedBuckets::default());
        Self {
            unknown: Unknown::new(policy.unknown_clients, |subject| {
                rules.class_of(subject, &shared)
            }),
            strangers: matches!(policy.unknown_clients, UnknownClients::Each { .. })
                .then(Mutex::default),
            rules,
            shared,
            policy,
            clock: clock.into(),
            clients: Catalog::default(),
            identities: KnownBy::default(),
            keys: Keys::default(),
            tokens: Arc::default(),
            slots: Slots::default(),
            unconfigured: Unconfigured::default(),
            retired: Mutex::default(),
            passed_over: Mutex::default(),
            workers: Workers::default(),
            journal: Journal::default(),
            past: Past::default(),
            replica: None,
        }
    }

    /// The same, and keeps the latest decisions, so that they can be told, and decided again under other
    /// limits ([`Ledger::preview`]).
    #[must_use]
    pub fn keeping(self, decisions: DecisionsKept) -> Self {
        Self { past: Past::keeping(decisions, self.clock.now()), ..self }
    }

    /// A ledger whose balances are in a store that others share.
    ///
    /// A request that the store does not decide passes where `fails_open` says so.
    pub fn sharing(
        policy: Policy,
        clock: impl Into<Clock>,
        store: SharedStore,
        fails_open: bool,
    ) -> Self {
        let replica = Some(Replica::new(store, fails_open));
        Self { replica, ..Self::new(policy, clock) }
    }

    /// What was configured of a client.
    fn config_of(&self, client: &Client) -> ClientConfig {
        let Subject { client: id, group, plan } = client.subject();
        client.configured(group, plan, self.identities.of(id.as_str()))
    }

    /// By what filters know who asks, or should.
    pub fn identity(&self) -> Identity {
        self.policy.identity
    }

    /// What time it is for everything that is decided here.
    pub fn now(&self) -> UnixMillis {
        self.clock.now()
    }
}
