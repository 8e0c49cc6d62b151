//! What is known of buckets and of what operators wrote, from some moment on.

use std::sync::Arc;

use limiter::{Bucket, ClientId, UnixMillis};

use crate::{
    clients::{ClientConfig, Limits},
    ledger::{
        Client,
        keys::{BesideKey, Part, SharedKey},
        lines::Lines,
        rules::{ClassKey, Named},
        shared::SharedName,
        slot_key::{SlotKey, SlotNumber},
        slots::Books,
        stock::{Stock, Stocks},
    },
    limits::Limit,
};

/// What is known from some moment on.
#[derive(Clone, Debug)]
pub(in crate::ledger) enum Note {
    /// A client's books as they stood before they were first touched in this segment.
    Client(ClientNote),
    /// The pair of buckets of a stranger, likewise.
    Stranger { number: u32, requests: Option<Bucket>, tokens: Option<Bucket> },
    /// A bucket that clients share, likewise.
    Shared(Box<SharedNote>),
    /// Clients' own buckets of limits, before an operator's write changed them or took them away: of those
    /// who did not ask in this segment before.
    Beside(Box<[BesideNote]>),
    /// These limits and models are in force, since this moment.
    Rules { named: Arc<Named>, since: UnixMillis },
    /// A client is configured so.
    Configured(Box<ClientConfig>),
    /// It is not configured any more.
    Removed(ClientId),
    /// Its buckets were filled.
    Reset(ClientId),
}

/// A client and what is left of its own buckets.
#[derive(Clone, Debug)]
pub(in crate::ledger) struct ClientNote {
    pub(in crate::ledger) slot: SlotKey,
    pub(in crate::ledger) id: ClientId,
    /// How it is configured; `None`: it is not, any more.
    pub(in crate::ledger) config: Option<NotedConfig>,
    pub(in crate::ledger) requests: Option<Bucket>,
    pub(in crate::ledger) tokens: Option<Bucket>,
    pub(in crate::ledger) epoch: u32,
    /// Most have none.
    pub(in crate::ledger) rest: Option<Box<NotedRest>>,
}

/// What few clients have.
#[derive(Clone, Debug)]
pub(in crate::ledger) struct NotedRest {
    /// Buckets of limits beside its own two.
    pub(in crate::ledger) beside: Box<[(BesideKey, NotedStocks)]>,
    /// Who waits for its own two.
    pub(in crate::ledger) lines: Lines,
}

/// How a client is configured, as far as it matters to decisions.
#[derive(Clone, Debug)]
pub(in crate::ledger) struct NotedConfig {
    pub(in crate::ledger) limits: Limits,
    pub(in crate::ledger) is_enabled: bool,
    pub(in crate::ledger) class: Arc<ClassKey>,
}

/// What is left of both numbers of a limit.
#[derive(Clone, Copy, Debug)]
pub(in crate::ledger) struct NotedStocks {
    pub(in crate::ledger) main: Option<Stock>,
    pub(in crate::ledger) trial: Option<Stock>,
}

/// A bucket that clients share.
#[derive(Clone, Debug)]
pub(in crate::ledger) struct SharedNote {
    pub(in crate::ledger) key: SharedKey,
    pub(in crate::ledger) name: SharedName,
    pub(in crate::ledger) stocks: NotedStocks,
}

/// What is left of one number of a limit, in a client's own bucket.
#[derive(Clone, Copy, Debug)]
pub(in crate::ledger) struct BesideNote {
    pub(in crate::ledger) slot: SlotKey,
    pub(in crate::ledger) key: BesideKey,
    pub(in crate::ledger) part: Part,
    pub(in crate::ledger) stock: Stock,
}

/// A million clients have one when other numbers of a limit are in force.
const _: () = assert!(size_of::<BesideNote>() <= 72);

impl Note {
    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        let of_it = match self {
            Self::Client(note) => note.rest.as_ref().map_or(0, |rest| rest.bytes()),
            Self::Shared(_) => size_of::<SharedNote>(),
            Self::Beside(notes) => size_of_val(&**notes),
            // Half of it is found by name, half by number; a limit that is the same before and after is
            // there once.
            Self::Rules { named, .. } => named.len() * 96 + size_of::<Limit>() + 1_024,
            Self::Configured(_) => size_of::<ClientConfig>(),
            Self::Stranger { .. } | Self::Removed(_) | Self::Reset(_) => 0,
        };
        size_of::<Self>() + of_it
    }
}

impl NotedRest {
    fn bytes(&self) -> usize {
        let of_lines = if self.lines.is_empty() { 0 } else { 64 };
        size_of::<Self>() + size_of_val(&*self.beside) + of_lines
    }
}

impl ClientNote {
    /// How a client's books stand; `None`: they are nobody's.
    pub(in crate::ledger) fn of(
        slot: SlotNumber,
        books: &Books,
        client: Option<&Client>,
    ) -> Option<Self> {
        let balances = &books.balances;
        let stocks = |(key, stocks)| (key, NotedStocks::of(stocks));
        let has_rest = !balances.lines.is_empty() || balances.beside.iter().next().is_some();
        let rest = has_rest.then(|| NotedRest {
            beside: balances.beside.iter().map(stocks).collect(),
            lines: balances.lines.clone(),
        });
        Some(Self {
            slot: books.key(slot),
            id: books.client.clone()?,
            config: client.map(|client| NotedConfig {
                limits: client.limits,
                is_enabled: client.enabled,
                class: client.entry.class.key(),
            }),
            requests: balances.requests,
            tokens: balances.tokens,
            epoch: balances.epoch(),
            rest: rest.map(Box::new),
        })
    }
}

impl NotedStocks {
    pub(in crate::ledger) fn of(stocks: &Stocks) -> Self {
        let get = |part| stocks.get(part).copied();
        Self { main: get(Part::Main), trial: get(Part::Trial) }
    }

    /// Those that there are.
    pub(in crate::ledger) fn iter(self) -> impl Iterator<Item = (Part, Stock)> {
        let both = [(Part::Main, self.main), (Part::Trial, self.trial)];
        both.into_iter().filter_map(|(part, stock)| Some((part, stock?)))
    }
}
