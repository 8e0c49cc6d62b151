//! Which clients changed since somebody looked.
//!
//! Nothing is noted for it while requests are decided: whoever looks compares the counters that are
//! kept anyway with what they were at the last look. How many requests a client has under way is
//! counted when it is looked, where they are held.

use std::{collections::HashMap, sync::atomic::Ordering};

use limiter::ClientId;

use super::{
    ClientSnapshot, Ledger, Unknown, UnknownSnapshot, record::LimitCount, rules::LimitNumber,
    slot_key::SlotNumber, slots::Books,
};
use crate::limits::{Group, LimitName};

/// What was seen at the last look: 64 bytes a client that ever asked.
#[derive(Debug, Default)]
pub struct Looks {
    seen: Vec<Seen>,
    /// How many requests are under way, by slot.
    open: Vec<u32>,
    /// How often limits beside its own two had refused a client, of those that they ever refused.
    refused_by: HashMap<SlotNumber, Vec<(LimitNumber, u64)>>,
    /// Requests of clients that are denied.
    denied: u64,
    /// Where the next look begins.
    next: usize,
    /// When the last one was.
    at_ms: u64,
    has_begun: bool,
}

/// A client as it was at the last look. The lower bits of what is counted are enough to tell by how
/// much it grew since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    marks: Marks,
    /// When it was.
    at_ms: u32,
    /// Whether it had changed then, so that a rate was told that is none any more.
    had_changed: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Marks {
    tokens_used: u64,
    admitted: u32,
    rpm_dropped: u32,
    tpm_dropped: u32,
    limit_dropped: u32,
    refused_in_shadow: u32,
    open: u32,
    /// Which client of those that had the slot it is.
    tenancy: u32,
    /// Counts how often the buckets were thrown away.
    epoch: u32,
    /// The numbers of its own two limits.
    amounts: [u64; 2],
}

/// What was found at one look.
#[derive(Debug, Default)]
pub struct Look {
    /// Clients that changed.
    pub changed: Vec<ChangedClient>,
    /// Whether that is all of them: the next look finds the others.
    pub is_all: bool,
    /// Requests of clients that are denied, since the last look.
    pub denied: u64,
    /// How long ago that was.
    pub ms: u64,
}

/// A client that changed since the last look.
#[derive(Debug)]
pub struct ChangedClient {
    /// As it stands.
    pub now: ClientSnapshot,
    /// How many of its requests are under way at this control plane.
    pub in_flight: u32,
    /// What happened since.
    pub since: Since,
}

/// What happened to a client at this control plane between two looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Since {
    /// How long ago the last look was.
    pub ms: u64,
    /// Requests that were admitted.
    pub admitted: u64,
    /// That RPM refused.
    pub rpm_dropped: u64,
    /// That TPM refused.
    pub tpm_dropped: u64,
    /// That limits beside these two refused.
    pub limit_dropped: u64,
    /// Tokens of requests that ended.
    pub tokens_used: u64,
    /// Requests by each limit beside the two that refused them.
    pub refused_by: Vec<(LimitName, u64)>,
}

impl Since {
    /// Requests that were refused.
    pub fn refused(&self) -> u64 {
        self.rpm_dropped + self.tpm_dropped + self.limit_dropped
    }
}

/// Found in a slot that changed, before anybody asks whose it is.
struct Found {
    client: ClientId,
    marks: Marks,
    refused_by: Vec<(LimitNumber, u64)>,
}

impl Ledger {
    /// The clients, at most `max`, that changed since the last look and that somebody `wants`, with
    /// what happened since; at the first look there are none. Those that nobody wants stay as they were
    /// seen.
    ///
    /// `at_ms` is the looker's own time, which never goes backward. For threads that may block: of a
    /// million clients that asked, each is looked at.
    pub fn look(
        &self,
        looks: &mut Looks,
        at_ms: u64,
        max: usize,
        wants: &dyn Fn(&ClientId, Option<&Group>) -> bool,
    ) -> Look {
        let slots = self.slots.len();
        looks.seen.resize(slots, Seen::default());
        self.count_open(&mut looks.open, slots);
        let denied = match &self.unknown {
            Unknown::Denied(denied) => denied.refused.load(Ordering::Relaxed),
            Unknown::Shared(_) => 0,
        };
        let denied_since = denied.saturating_sub(std::mem::replace(&mut looks.denied, denied));
        let last_ms = std::mem::replace(&mut looks.at_ms, at_ms);
        if !std::mem::replace(&mut looks.has_begun, true) {
            self.begin_to_look(looks, lower(at_ms));
            return Look { is_all: true, ..Look::default() };
        }
        let ms = at_ms.saturating_sub(last_ms);
        let mut look = Look { is_all: true, denied: denied_since, ms, ..Look::default() };
        let first = looks.next.min(slots);
        for slot in self.slots.all_from(first).take(slots) {
            if look.changed.len() >= max {
                (look.is_all, looks.next) = (false, slot.index());
                break;
            }
            if let Some(changed) = self.look_at(slot, looks, lower(at_ms), wants) {
                look.changed.push(changed);
            }
        }
        look
    }

    /// Notes how all clients are.
    fn begin_to_look(&self, looks: &mut Looks, at_ms: u32) {
        for slot in self.slots.all_from(0).take(looks.seen.len()) {
            let books = self.slots.books(slot);
            let refused = refused_by(books.record.refused_here());
            let marks = Marks::of(&books, looks.open_of(slot));
            drop(books);
            if !refused.is_empty() {
                looks.refused_by.insert(slot, refused);
            }
            looks.put(slot, Seen { marks, at_ms, had_changed: false });
        }
    }

    fn look_at(
        &self,
        slot: SlotNumber,
        looks: &mut Looks,
        at_ms: u32,
        wants: &dyn Fn(&ClientId, Option<&Group>) -> bool,
    ) -> Option<ChangedClient> {
        let before = looks.seen.get(slot.index()).copied()?;
        let Found { client, marks, refused_by } =
            self.find_changed(slot, before, looks.open_of(slot))?;
        let now = self.snapshot_if(&client, wants)?;
        // Another client has the slot: all that it did is since then.
        let is_same = marks.tenancy == before.marks.tenancy;
        let counted_before = looks.refused_by.remove(&slot).filter(|_| is_same);
        let seen = if is_same { before.marks } else { Marks::default() };
        let has_changed = marks != before.marks;
        let since = Since {
            ms: u64::from(at_ms.wrapping_sub(before.at_ms)),
            refused_by: self.named_since(&refused_by, counted_before.as_deref()),
            ..marks.since(&seen)
        };
        if !refused_by.is_empty() {
            looks.refused_by.insert(slot, refused_by);
        }
        looks.put(slot, Seen { marks, at_ms, had_changed: has_changed });
        Some(ChangedClient { now, in_flight: marks.open, since })
    }

    fn find_changed(&self, slot: SlotNumber, before: Seen, open: u32) -> Option<Found> {
        let books = self.slots.books(slot);
        let marks = Marks::of(&books, open);
        // Once more when nothing happened any more: what is told last is that.
        if marks == before.marks && !before.had_changed {
            return None;
        }
        let client = books.configured()?.clone();
        Some(Found { client, marks, refused_by: refused_by(books.record.refused_here()) })
    }

    fn snapshot_if(
        &self,
        id: &ClientId,
        wants: &dyn Fn(&ClientId, Option<&Group>) -> bool,
    ) -> Option<ClientSnapshot> {
        if let Some(client) = self.clients.get(id.as_str()) {
            let is_wanted = wants(id, client.subject().group);
            return is_wanted.then(|| self.snapshot_of(&client));
        }
        if *id != ClientId::unknown() || !wants(id, None) {
            return None;
        }
        match self.unknown_snapshot() {
            UnknownSnapshot::Shared(client) => Some(*client),
            UnknownSnapshot::Denied { .. } => None,
        }
    }

    /// How often each of these limits refused since then; not those that are no more.
    fn named_since(
        &self,
        now: &[(LimitNumber, u64)],
        before: Option<&[(LimitNumber, u64)]>,
    ) -> Vec<(LimitName, u64)> {
        let before = before.unwrap_or_default();
        let named = self.rules.named();
        let since = now.iter().filter_map(|(limit, count)| {
            let before = before.iter().find(|(other, _)| other == limit);
            let since = count.saturating_sub(before.map_or(0, |(_, count)| *count));
            let name = named.limit(*limit)?.config.name.clone();
            (since > 0).then_some((name, since))
        });
        since.collect()
    }

    /// Where they are held, a worker at a time: a worker's asks wait for as long as it takes to go
    /// through what it holds.
    fn count_open(&self, open: &mut Vec<u32>, slots: usize) {
        open.clear();
        open.resize(slots, 0);
        for worker in self.workers.all() {
            for reservation in worker.lock().reservations.values() {
                if let Some(count) = open.get_mut(reservation.slot.number().index()) {
                    *count += 1;
                }
            }
        }
    }
}

impl Looks {
    fn open_of(&self, slot: SlotNumber) -> u32 {
        self.open.get(slot.index()).copied().unwrap_or_default()
    }

    fn put(&mut self, slot: SlotNumber, seen: Seen) {
        if let Some(place) = self.seen.get_mut(slot.index()) {
            *place = seen;
        }
    }
}

impl Marks {
    fn of(books: &Books, open: u32) -> Self {
        let counted = books.record.counted();
        Self {
            tokens_used: counted.tokens_used,
            admitted: lower(counted.admitted),
            rpm_dropped: lower(counted.rpm_dropped),
            tpm_dropped: lower(counted.tpm_dropped),
            limit_dropped: lower(counted.limit_dropped),
            refused_in_shadow: lower(counted.refused_in_shadow),
            open,
            tenancy: books.tenancy(),
            epoch: books.balances.epoch(),
            amounts: books.balances.amounts(),
        }
    }

    fn since(&self, before: &Self) -> Since {
        let grown = |now: u32, before: u32| u64::from(now.wrapping_sub(before));
        Since {
            ms: 0,
            admitted: grown(self.admitted, before.admitted),
            rpm_dropped: grown(self.rpm_dropped, before.rpm_dropped),
            tpm_dropped: grown(self.tpm_dropped, before.tpm_dropped),
            limit_dropped: grown(self.limit_dropped, before.limit_dropped),
            tokens_used: self.tokens_used.saturating_sub(before.tokens_used),
            refused_by: Vec::new(),
        }
    }
}

fn refused_by(counts: &[(LimitNumber, LimitCount)]) -> Vec<(LimitNumber, u64)> {
    counts.iter().map(|(limit, count)| (*limit, count.refused)).collect()
}

/// The lower half: what is compared with it wraps in the same way.
#[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
fn lower(count: u64) -> u32 {
    count as u32
}
