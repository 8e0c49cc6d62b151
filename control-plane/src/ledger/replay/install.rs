//! What is known of a bucket is put into the twin, where that calls it by other numbers.

use std::sync::Arc;

use limiter::{ClientId, Dimension};

use super::{Supposed, supposed::SupposedClient, twin::Twin};
use crate::{
    clients::{ClientConfig, Limits},
    ledger::{
        SlotNumber, Unknown,
        balances::Balances,
        charges::Charges,
        keys::{BesideKey, BucketKey, Part, SharedKey},
        past::{ClientNote, Kept, Note, NotedConfig, NotedStocks, SharedNote},
        rules::{At, InForce},
        slots::SlotKey,
        stock::Stocks,
        written::shared_name,
    },
};

impl Twin<'_> {
    /// Where what is supposed may lead requests to buckets before anybody went there then, these are put
    /// where they were before any is decided.
    pub(super) fn install_early(&mut self, kept: &Kept) {
        let has_unknown = matches!(self.supposed, Supposed::Everything { .. });
        if matches!(self.supposed, Supposed::Nothing) {
            return;
        }
        for note in kept.segments.iter().flat_map(|segment| &segment.notes) {
            match note {
                Note::Shared(note) => self.install_shared_early(note),
                Note::Client(note) if has_unknown && note.id.as_str() == ClientId::UNKNOWN => {
                    self.install_client(note);
                }
                _ => {}
            }
        }
    }

    /// The first note of a name is of the bucket that was there at the beginning.
    fn install_shared_early(&mut self, note: &SharedNote) {
        let name = shared_name(&note.name);
        let there = self.ledger.rules.bucket_of(&name, &self.ledger.shared);
        if let Some((_, At::Shared(key))) = there
            && !self.shared.values().any(|known| *known == key)
        {
            self.install_shared(note);
        }
    }

    /// Buckets that nothing touched which is gone through are now as they were at its beginning, and who
    /// did not ask of them may do so under what is supposed.
    pub(super) fn install_untouched(&mut self, oldest: u32) {
        for limit in self.live.rules.limits() {
            for key in limit.shared_keys() {
                let note = self.live.shared.books_of(key).and_then(|books| {
                    let name = books.name.clone().filter(|_| books.noted < oldest)?;
                    Some(SharedNote { key, name, stocks: NotedStocks::of(&books.stocks) })
                });
                if let Some(note) = note {
                    self.install_shared(&note);
                }
            }
        }
        if let Unknown::Shared(unknown) = &self.live.unknown
            && let Some(slot) = unknown.entry.slot.get()
        {
            let books = self.live.slots.books(slot);
            let note = (books.noted < oldest).then(|| ClientNote::of(slot, &books, None));
            drop(books);
            if let Some(note) = note.flatten() {
                self.install_client(&note);
            }
        }
    }

    /// A client and its buckets, unless the twin has them.
    pub(super) fn install_client(&mut self, note: &ClientNote) {
        if self.has(note.slot) {
            return;
        }
        let id = &note.id;
        if id.as_str() == ClientId::UNKNOWN {
            if let Some(slot) = self.slot_of_unknown() {
                self.put_back(slot, note);
                self.know(note.slot, id, Some(slot));
            }
            return;
        }
        self.ledger.configure(&config_of(id, note.config.as_ref()));
        let slot = self.keep_class_and_slot(id);
        if let Some(slot) = slot {
            self.put_back(slot, note);
        }
        if note.config.is_none() {
            self.ledger.remove(id.as_str());
        }
        self.know(note.slot, id, slot);
        match self.supposed.client(id, self.live) {
            SupposedClient::AsItWas => {}
            SupposedClient::Configured(config) => {
                // As if it had been written before all that is gone through.
                self.at(self.from);
                self.ledger.configure(&config);
                self.keep_class_and_slot(id);
            }
            SupposedClient::Unknown => {
                self.ledger.remove(id.as_str());
            }
        }
    }

    fn put_back(&self, slot: SlotNumber, note: &ClientNote) {
        let mut books = self.ledger.slots.books(slot);
        let balances = &mut books.balances;
        *balances = Balances::default();
        balances.restore(Dimension::Rpm, note.epoch, note.requests);
        balances.restore(Dimension::Tpm, note.epoch, note.tokens);
        for (key, stocks) in &note.beside {
            let Some((limit, key)) = self.beside(*key) else { continue };
            put(&limit, balances.beside.get_or_make(key), *stocks);
        }
    }

    /// A bucket that clients share, unless the twin has it.
    pub(super) fn install_shared(&mut self, note: &SharedNote) {
        if self.shared.contains_key(&note.key) {
            return;
        }
        let name = shared_name(&note.name);
        let Some((limit, At::Shared(key))) =
            self.ledger.rules.bucket_of(&name, &self.ledger.shared)
        else {
            return;
        };
        // One that was made anew goes on in the twin where its limit is another one there.
        let is_new = self.is_early && !self.shared.values().any(|there| *there == key);
        self.shared.insert(note.key, key);
        if (is_new || self.supposed.leaves(limit.config.name.as_str()))
            && let Some(mut books) = self.ledger.shared.books_of(key)
        {
            books.stocks = Stocks::default();
            put(&limit, &mut books.stocks, note.stocks);
        }
    }

    /// What a request holds that asked before all that is gone through.
    pub(super) fn charges_there(&self, charges: &Charges) -> Charges {
        let beside = charges.beside.iter().filter_map(|(key, held)| {
            let key = match *key {
                BucketKey::Beside(key, part) => BucketKey::Beside(self.beside(key)?.1, part),
                BucketKey::Shared(key, part) => BucketKey::Shared(self.shared_there(key)?, part),
            };
            Some((key, *held))
        });
        Charges { beside: beside.collect(), ..charges.clone() }
    }

    fn shared_there(&self, key: SharedKey) -> Option<SharedKey> {
        self.shared.get(&key).copied()
    }

    /// A limit that counts the same there, and one of its buckets.
    fn beside(&self, key: BesideKey) -> Option<(Arc<InForce>, BesideKey)> {
        let then = self.named.limit(key.limit)?;
        let limit = self.ledger.rules.limit(then.config.name.as_str())?;
        let model = match key.model {
            None => None,
            Some(model) => {
                let name = self.named.model(model)?;
                Some(self.ledger.rules.named().number_of_model(name)?)
            }
        };
        let key = BesideKey { limit: limit.number, model };
        (limit.config.kind() == then.config.kind()).then_some((limit, key))
    }

    pub(super) fn key_of(&self, slot: SlotNumber) -> SlotKey {
        self.ledger.slots.books(slot).key(slot)
    }
}

/// A client as it was; `None`: it was not configured any more.
fn config_of(id: &ClientId, noted: Option<&NotedConfig>) -> ClientConfig {
    let bare = ClientConfig::new(id.clone(), Limits::default());
    let Some(NotedConfig { limits, is_enabled, class }) = noted else { return bare };
    let (group, plan) = (class.group.clone(), class.plan.clone());
    ClientConfig { limits: *limits, enabled: *is_enabled, group, plan, ..bare }
}

fn put(limit: &InForce, stocks: &mut Stocks, noted: NotedStocks) {
    for (part, stock) in [(Part::Main, noted.main), (Part::Trial, noted.trial)] {
        if let Some(stock) = stock {
            stocks.put(part, stock);
        }
    }
    limit.bring_up(stocks);
}
