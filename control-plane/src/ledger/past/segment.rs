//! A part of the ring: some decisions one after another, and what has to be known to go through them
//! again from the first one on.

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;
use limiter::{Bucket, ClientId, Tokens, UnixMillis};

use super::entry::Half;
use crate::{
    clients::{ClientConfig, Limits},
    ledger::{
        charges::Charges,
        keys::{BesideKey, SharedKey},
        rules::{ClassKey, Named},
        shared::SharedName,
        slots::SlotKey,
        stock::Stock,
    },
};

/// Some decisions, one after another.
#[derive(Clone, Debug, Default)]
pub(in crate::ledger) struct Segment {
    /// When it began.
    pub(in crate::ledger) began: UnixMillis,
    /// The number of its first request.
    pub(in crate::ledger) first: u64,
    /// How many of its halves are requests that asked.
    pub(in crate::ledger) asked: u64,
    pub(in crate::ledger) halves: Vec<Half>,
    /// What its requests call their models.
    pub(in crate::ledger) models: Names,
    /// Limits that refused some of them.
    pub(in crate::ledger) limits: Names,
    pub(in crate::ledger) notes: Vec<Note>,
    /// What requests hold that asked in earlier segments and ended in this one.
    pub(in crate::ledger) held: Vec<(SlotKey, Charges)>,
    /// Where in `held` something like it is, by what it is charged to.
    pub(super) held_by: HashMap<u64, u32, RandomState>,
    /// Limits and models in force when it began.
    pub(in crate::ledger) named: Arc<Named>,
    /// About how many bytes all of it takes beside its halves.
    pub(super) bytes_beside: usize,
}

/// Names, each by its place.
#[derive(Clone, Debug, Default)]
pub(in crate::ledger) struct Names {
    names: Vec<Arc<str>>,
    places: HashMap<Arc<str>, u16, RandomState>,
}

/// What is known from some moment on.
#[derive(Clone, Debug)]
pub(in crate::ledger) enum Note {
    /// A client's books as they stood before they were first touched in this segment.
    Client(ClientNote),
    /// The pair of buckets of a stranger, likewise.
    Stranger { number: u32, requests: Option<Bucket>, tokens: Option<Bucket> },
    /// A bucket that clients share, likewise.
    Shared(Box<SharedNote>),
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
    /// Those of limits beside its own two.
    pub(in crate::ledger) beside: Box<[(BesideKey, NotedStocks)]>,
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

impl Note {
    /// About how much memory it takes.
    fn bytes(&self) -> usize {
        let of_it = match self {
            Self::Client(note) => size_of_val(&*note.beside),
            Self::Shared(_) => size_of::<SharedNote>(),
            // What is the same before and after is there once.
            Self::Rules { named, .. } => named.len() * 2 * size_of::<Arc<Named>>() + 1_024,
            Self::Configured(_) => size_of::<ClientConfig>(),
            Self::Stranger { .. } | Self::Removed(_) | Self::Reset(_) => 0,
        };
        size_of::<Self>() + of_it
    }
}

impl Names {
    /// The place of a name, which is there from now on.
    #[inline]
    pub(super) fn place(&mut self, name: &str) -> (u16, bool) {
        if let Some(place) = self.places.get(name) {
            return (*place, false);
        }
        // A segment ends long before there are so many.
        let place = u16::try_from(self.names.len()).unwrap_or(u16::MAX);
        let name: Arc<str> = name.into();
        self.names.push(Arc::clone(&name));
        self.places.insert(name, place);
        (place, true)
    }

    /// The name in this place.
    pub(in crate::ledger) fn get(&self, place: usize) -> Option<&str> {
        self.names.get(place).map(|name| &**name)
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    fn clear(&mut self) {
        self.names.clear();
        self.places.clear();
    }
}

impl Segment {
    /// Begins anew, with the memory that it has.
    pub(super) fn begin(&mut self, began: UnixMillis, first: u64, named: Arc<Named>) {
        self.halves.clear();
        self.models.clear();
        self.limits.clear();
        self.notes.clear();
        self.held.clear();
        self.held_by.clear();
        (self.began, self.first, self.asked, self.named) = (began, first, 0, named);
        self.bytes_beside = 0;
    }

    /// The place of a note, which is kept.
    pub(super) fn keep(&mut self, note: Note) -> u32 {
        self.bytes_beside += note.bytes();
        self.notes.push(note);
        u32::try_from(self.notes.len() - 1).unwrap_or(u32::MAX)
    }

    /// The place of what a request holds, its amounts apart, which may be there already.
    pub(super) fn hold(&mut self, slot: SlotKey, charges: &Charges) -> u32 {
        let hash = charges.hash_of_buckets(slot);
        if let Some(place) = self.held_by.get(&hash)
            && let Some((of, held)) = self.held.get(*place as usize)
            && *of == slot
            && held.is_to_the_same(charges)
        {
            return *place;
        }
        let place = u32::try_from(self.held.len()).unwrap_or(u32::MAX);
        self.bytes_beside += size_of::<(SlotKey, Charges)>() + charges.bytes_beside();
        self.held.push((slot, charges.clone()));
        self.held_by.insert(hash, place);
        place
    }

    /// The moment of one of its halves.
    #[inline]
    pub(in crate::ledger) fn at(&self, half: Half) -> UnixMillis {
        UnixMillis(self.began.0 + u64::from(half.at_ms))
    }

    /// What the request held that is in this place, which reserved so much.
    pub(in crate::ledger) fn held_in(
        &self,
        place: u32,
        reserved: Tokens,
    ) -> Option<(SlotKey, Charges)> {
        let (slot, held) = self.held.get(place as usize)?;
        Some((*slot, held.with_tokens(reserved)))
    }
}
