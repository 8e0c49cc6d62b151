//! What an operator's writes do to the ledger.

use std::sync::Arc;

use limiter::{ClientId, UnixMillis};
use parking_lot::MutexGuard;

use super::{
    Class, Client, ClientSnapshot, Entry, LazySlot, Ledger, SlotNumber,
    past::{BesideNote, Note, NotedStocks, Ring},
    rules::{Changed, Lists, Named},
    shared::Gone,
    slots::Books,
    written::{limit_id, shared_name},
};
use crate::{
    clients::{ClientConfig, Identities},
    limits::{Limit, Models},
    store::state::{
        BucketName, BucketRecord, ForgottenRecord, LimitForgottenRecord, ModelForgottenRecord,
        Record,
    },
};

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// There was no such client.
    Created,
    /// The client's configuration was replaced.
    Replaced,
}

/// How many clients' own buckets are changed before others have their turn.
const CHANGED_AT_A_TIME: usize = 64;

/// What becomes of buckets that nobody can reach any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreached {
    /// They go, and begin anew where somebody needs them again.
    Goes,
    /// They stay: who reaches them may only not be known yet.
    Stays,
}

impl Ledger {
    /// Creates a client, or puts another configuration in force; what was spent stays spent.
    ///
    /// What is done here and below is written down with the next [`Ledger::commit`].
    pub fn configure(&self, config: &ClientConfig) -> Written {
        // Held to the end: writers wait for each other.
        let mut retired = self.retired.lock();
        let now = self.clock.now();
        let class = self.rules.class_of(&config.subject(), &self.shared);
        let mut slot = None;
        let mut class_before = None;
        // Nothing is decided between the change and its note.
        let mut ring = self.past_of_writes();
        self.look_before(ring.as_deref_mut(), config.id.as_str(), now);
        let replaced = self.clients.replace(config, |entry| {
            class_before = Some(std::mem::replace(&mut entry.class, Arc::clone(&class)));
            slot = entry.slot.get();
            if let Some(slot) = slot {
                self.slots.books(slot).balances.change_limits(config.limits, now);
            }
        });
        if let Some(before) = class_before {
            drop(class);
            self.note_configured(ring.as_deref_mut(), slot, config, now);
            drop(ring);
            self.note_gone(&self.rules.let_go(before, &self.shared));
        } else {
            // Of one that was deleted while its end could not be written down, something may be left.
            // It is noted before anybody can be charged.
            self.note_forgotten(&config.id);
            slot = retired.take(&config.id);
            if let Some(slot) = slot {
                self.slots.books(slot).begin_anew();
            }
            let entry = Entry { slot: slot.map(LazySlot::from).unwrap_or_default(), class };
            self.clients.insert(Client::new(config, entry));
            self.note_configured(ring.as_deref_mut(), slot, config, now);
        }
        self.identities.put(&config.id, &config.identities);
        if let Some(slot) = slot {
            self.touch(slot);
        }
        if replaced { Written::Replaced } else { Written::Created }
    }

    /// Puts these limits and models in force in place of all others; what was spent stays spent, where
    /// a limit goes on to count the same.
    ///
    /// A decision that is under way meanwhile is by what was in force before, but for limits that are no
    /// more, and none waits.
    pub fn put_rules(&self, limits: Vec<Limit>, models: Models) {
        self.change_rules(limits, models, Unreached::Goes);
    }

    pub(super) fn change_rules(&self, limits: Vec<Limit>, models: Models, unreached: Unreached) {
        // Held to the end: writers wait for each other.
        let _retired = self.retired.lock();
        let now = self.clock.now();
        let changed = self.rules.replace(limits, models, now);
        let lists = self.rules.lists(&self.shared);
        for before in self.put_in_force(&changed, lists, now) {
            self.note_gone(&self.rules.let_go(before, &self.shared));
        }
        // Whoever decides by what was in force before is done then, and writes nothing of it any more.
        drop(self.journal.pen());
        if unreached == Unreached::Goes {
            self.note_gone(&self.rules.sweep(&self.shared));
        }
        self.note_forgotten_models(&changed);
        self.change_beside(&changed, now);
        self.rules.is_changed();
    }

    /// Puts limits and models in force which are known by now. Where the past is kept, what is decided
    /// meanwhile waits for this much, so that it stands before it there or behind it. The answer is the
    /// classes of clients that are of others now.
    fn put_in_force(&self, changed: &Changed, lists: Lists, since: UnixMillis) -> Vec<Arc<Class>> {
        let mut ring = self.past_of_writes();
        self.look_at_shared_before(ring.as_deref_mut(), changed, since);
        changed.give_back(&self.shared);
        self.note_forgotten_limits(changed);
        lists.apply();
        let mut left = Vec::new();
        for id in &changed.named {
            left.extend(self.clients.change(id.as_str(), |client| {
                let class = self.rules.class_of(&client.subject(), &self.shared);
                std::mem::replace(&mut client.entry.class, class)
            }));
        }
        self.rules.changes();
        self.change_shared(changed, since);
        if let Some(ring) = &mut ring {
            ring.put_rules(Arc::clone(&self.rules.named()), self.clock.now(), since);
        }
        left
    }

    /// The past, where it is decided again: what operators write stands in it.
    fn past_of_writes(&self) -> Option<MutexGuard<'_, Ring>> {
        self.past.lock().filter(|_| self.replica.is_none())
    }

    /// A client is about to be written: what is left of its buckets is known as it was before.
    fn look_before(&self, ring: Option<&mut Ring>, client: &str, now: UnixMillis) {
        let Some(ring) = ring else { return };
        let Some(client) = self.clients.get(client) else { return };
        if let Some(slot) = client.entry.slot.get()
            && ring.begin_write(now)
        {
            ring.look_at(slot, &mut self.slots.books(slot), Some(&client), now);
        }
    }

    /// Buckets that clients share are about to be changed, or given back with their limits.
    fn look_at_shared_before(&self, ring: Option<&mut Ring>, changed: &Changed, now: UnixMillis) {
        let Some(ring) = ring else { return };
        for key in changed.touched_keys() {
            if let Some(mut books) = self.shared.books_of(key)
                && !books.stocks.is_empty()
                && ring.begin_write(now)
            {
                ring.look_at_shared(key, &mut books, now);
            }
        }
    }

    /// A client is configured so, which matters to the past where it asked in it.
    fn note_configured(
        &self,
        ring: Option<&mut Ring>,
        slot: Option<SlotNumber>,
        config: &ClientConfig,
        now: UnixMillis,
    ) {
        if let (Some(ring), Some(slot)) = (ring, slot)
            && ring.may_know(&self.slots.books(slot))
        {
            let identities = Identities::default();
            let config = ClientConfig { identities, ..config.clone() };
            ring.written(Note::Configured(Box::new(config)), now);
        }
    }

    /// Notes that buckets are no more that clients shared: whoever shares one of that name from now on
    /// has another one.
    pub(super) fn note_gone(&self, gone: &[Gone]) {
        if !gone.is_empty()
            && let Some(mut ring) = self.past_of_writes()
        {
            ring.note_gone(gone, self.clock.now());
        }
        for gone in gone {
            let bucket = BucketName::Limit(shared_name(&gone.name));
            let mut pen = self.journal.pen();
            pen.note(|| Record::Bucket(BucketRecord { bucket, epoch: 0, level: None }));
            self.write_if_much(pen);
        }
    }

    /// Notes that limits are others now, whatever they are called.
    fn note_forgotten_limits(&self, changed: &Changed) {
        for limit in changed.removed.values() {
            let limit = limit_id(&limit.config);
            let mut pen = self.journal.pen();
            pen.note(|| Record::LimitForgotten(LimitForgottenRecord { limit }));
            self.write_if_much(pen);
        }
    }

    fn note_forgotten_models(&self, changed: &Changed) {
        for model in &changed.forgotten {
            let model = model.as_str();
            let mut pen = self.journal.pen();
            pen.note(|| Record::ModelForgotten(ModelForgottenRecord { model }));
            self.write_if_much(pen);
        }
    }

    /// What clients share of limits that were changed.
    fn change_shared(&self, changed: &Changed, now: UnixMillis) {
        for (limit, key) in changed.replaced_keys() {
            let Some(mut books) = self.shared.books_of(key) else { continue };
            limit.change(&mut books.stocks, now);
            drop(books);
            let mut pen = self.journal.pen();
            pen.touch_shared(key.number);
            self.write_if_much(pen);
        }
    }

    /// Each client's own buckets of such limits: a look at every client, each for itself.
    fn change_beside(&self, changed: &Changed, now: UnixMillis) {
        if !changed.touches_clients_own() {
            return;
        }
        let named = self.rules.named();
        let slots: Vec<_> = self.slots.all().collect();
        for slots in slots.chunks(CHANGED_AT_A_TIME) {
            let mut touched = Vec::new();
            let mut ring = self.past_of_writes();
            let is_kept = ring.as_mut().is_some_and(|ring| ring.begin_write(now));
            let mut notes = Vec::new();
            for &slot in slots {
                let mut books = self.slots.books(slot);
                if let Some(ring) = ring.as_ref().filter(|_| is_kept)
                    && ring.has_to_note(&books)
                {
                    notes_of_changed(slot, &books, &named, &mut notes);
                }
                if change_beside_of(&mut books, &named, changed, now) {
                    touched.push(slot);
                }
            }
            if let Some(ring) = &mut ring {
                ring.note_beside(notes, now);
            }
            drop(ring);
            for slot in touched {
                self.touch(slot);
            }
        }
    }

    /// Forgets a client's configuration and balances; `false` when there is no such client.
    pub fn remove(&self, client: &str) -> bool {
        let mut retired = self.retired.lock();
        let mut ring = self.past_of_writes();
        self.look_before(ring.as_deref_mut(), client, self.clock.now());
        let Some(removed) = self.clients.remove(client) else { return false };
        self.identities.remove(client);
        self.note_forgotten(&removed.id);
        if let Some(slot) = removed.entry.slot.get() {
            self.slots.books(slot).retire();
            if let Some(ring) = &mut ring
                && ring.may_know(&self.slots.books(slot))
            {
                ring.written(Note::Removed(removed.id.clone()), self.clock.now());
            }
            if let Some(forgotten) = retired.put(removed.id, slot) {
                self.slots.give_back(forgotten);
            }
        }
        drop(ring);
        self.note_gone(&self.rules.let_go(removed.entry.class, &self.shared));
        true
    }

    /// Fills a client's buckets, whatever it spent or owes, and tells how it then stands; `None`
    /// when there is no such client. Requests that are under way then only count in its statistics:
    /// nothing of theirs is given back to the new buckets.
    pub fn reset(&self, client: &str) -> Option<ClientSnapshot> {
        // Locked before any client is.
        let mut ring = self.past_of_writes();
        self.look_before(ring.as_deref_mut(), client, self.clock.now());
        let client = self.clients.get(client)?;
        let slot = client.entry.slot.get();
        if let Some(slot) = slot {
            let mut books = self.slots.books(slot);
            books.balances.begin_anew();
            if let Some(ring) = &mut ring
                && ring.may_know(&books)
            {
                ring.written(Note::Reset(client.id.clone()), self.clock.now());
            }
        }
        let after = self.snapshot_of(&client);
        drop(client);
        drop(ring);
        if let Some(slot) = slot {
            self.touch(slot);
        }
        Some(after)
    }

    /// Notes that a client is another one now.
    fn note_forgotten(&self, client: &ClientId) {
        let mut pen = self.journal.pen();
        pen.note(|| Record::Forgotten(ForgottenRecord { client: client.as_str() }));
        self.write_if_much(pen);
    }

    /// Notes that a slot was changed.
    pub(super) fn touch(&self, slot: SlotNumber) {
        let mut pen = self.journal.pen();
        pen.touch(slot);
        self.write_if_much(pen);
    }
}

/// What is left of a client's own buckets that a write is about to change or to take away.
fn notes_of_changed(slot: SlotNumber, books: &Books, named: &Named, notes: &mut Vec<BesideNote>) {
    for (key, stocks) in books.balances.beside.iter() {
        let is_there = key.model.is_none_or(|model| named.model(model).is_some());
        let limit = named.limit(key.limit).filter(|_| is_there);
        if limit.is_some_and(|limit| limit.is_as_it_stands(stocks)) {
            continue;
        }
        let slot = books.key(slot);
        let of_part = |(part, stock)| BesideNote { slot, key, part, stock };
        notes.extend(NotedStocks::of(stocks).iter().map(of_part));
    }
}

/// Whether any was changed.
fn change_beside_of(books: &mut Books, named: &Named, changed: &Changed, now: UnixMillis) -> bool {
    let mut is_touched = false;
    books.balances.beside.retain(|key, stocks| {
        let model = key.model.is_none_or(|model| named.model(model).is_some());
        let Some(limit) = named.limit(key.limit).filter(|_| model) else { return false };
        if changed.replaced.contains_key(&key.limit) {
            is_touched = true;
            limit.change(stocks, now);
        }
        true
    });
    books.record.retain_limits(|limit| named.limit(limit).is_some());
    is_touched
}
