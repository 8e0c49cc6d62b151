//! A part of the ring: some decisions one after another, and what has to be known to go through them
//! again from the first one on.

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;
use limiter::{Tokens, UnixMillis};

use super::{Note, entry::Half};
use crate::ledger::{charges::Charges, rules::Named, slot_key::SlotKey};

/// So much earlier than its first moment may something be that stands in a segment: whoever decides looks
/// at the clock first, and waits then for the others.
const EARLIER_MS_MAX: u64 = 10_000;

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

    /// The same, to be kept for longer.
    pub(super) fn get_shared(&self, place: usize) -> Option<Arc<str>> {
        self.names.get(place).cloned()
    }

    /// The names by their places, for who adds none.
    fn to_read(&self) -> Self {
        Self { names: self.names.clone(), places: HashMap::default() }
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

    /// What happened in it, without what has to be known to decide it again.
    pub(super) fn to_read(&self) -> Self {
        Self {
            began: self.began,
            first: self.first,
            asked: self.asked,
            halves: self.halves.clone(),
            models: self.models.to_read(),
            limits: self.limits.to_read(),
            ..Self::default()
        }
    }

    /// A moment as its halves have it; `None`: it is too far from the others.
    #[inline]
    pub(super) fn millis(&self, now: UnixMillis) -> Option<u32> {
        u32::try_from(now.0.checked_sub(self.earliest())?).ok()
    }

    /// The moment of one of its halves.
    #[inline]
    pub(in crate::ledger) fn at(&self, half: Half) -> UnixMillis {
        UnixMillis(self.earliest() + u64::from(half.at_ms))
    }

    #[inline]
    fn earliest(&self) -> u64 {
        self.began.0.saturating_sub(EARLIER_MS_MAX)
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
