//! What is known of a bucket is put into the twin, where that calls it by other numbers.

use std::sync::Arc;

use limiter::{ClientId, Dimension};

use super::{LOOKS_EVERY, Supposed, supposed::SupposedClient, twin::Twin, untouched::Untouched};
use crate::{
    clients::{ClientConfig, Limits},
    ledger::{
        SlotNumber,
        balances::Balances,
        charges::Charges,
        keys::{BesideKey, BucketKey, Part},
        past::{BesideNote, ClientNote, Kept, Note, NotedConfig, NotedStocks, SharedNote},
        rules::{At, InForce},
        slot_key::SlotKey,
        stock::{Stock, Stocks},
        written::shared_name,
    },
};

/// One of a client's own buckets of limits beside its two, there.
struct BesideThere {
    limit: Arc<InForce>,
    key: BesideKey,
    /// Whether the limit is as it was.
    is_left: bool,
}

impl Twin<'_> {
    /// Where what is supposed may lead requests to buckets before anybody went there then, these are put
    /// where they were before any is decided.
    pub(super) fn install_early(&mut self, kept: &Kept, untouched: &Untouched) {
        if matches!(self.supposed, Supposed::Nothing) {
            return;
        }
        self.is_early = true;
        let has_unknown = matches!(self.supposed, Supposed::Everything { .. });
        let notes = kept.segments.iter().flat_map(|segment| &segment.notes);
        for (n, note) in notes.enumerate() {
            match note {
                Note::Shared(note) => self.install_shared(note),
                Note::Client(note) if has_unknown && note.id.as_str() == ClientId::UNKNOWN => {
                    self.install_client(note);
                }
                _ => {}
            }
            if n % LOOKS_EVERY == 0 && self.given_up.is_given_up() {
                return;
            }
        }
        untouched.shared.iter().for_each(|note| self.install_shared(note));
        if let Some(note) = &untouched.unknown {
            self.install_client(note);
        }
        self.is_early = false;
    }

    /// A bucket that clients share, unless the twin has it.
    pub(super) fn install_shared(&mut self, note: &SharedNote) {
        if self.shared.get(note.key).is_some() {
            return;
        }
        let name = shared_name(&note.name);
        let Some((limit, At::Shared(key))) =
            self.ledger.rules.bucket_of(&name, &self.ledger.shared)
        else {
            return;
        };
        let is_put = match self.shared.has(key) {
            // Where something is supposed, what was there at the beginning is put before anything is
            // decided, and what came later was made here too.
            false => self.is_early || matches!(self.supposed, Supposed::Nothing),
            // The first one is that of the beginning.
            true if self.is_early => return,
            true => {
                let is_remade = self.supposed.remakes(&note.name);
                self.shared.remakes += u64::from(is_remade);
                is_remade
            }
        };
        if is_put && let Some(mut books) = self.ledger.shared.books_of(key) {
            books.stocks = Stocks::default();
            put(&limit, &mut books.stocks, note.stocks);
        }
        self.shared.know(note.key, key, is_put);
    }

    /// A client and its buckets, unless the twin has them.
    pub(super) fn install_client(&mut self, note: &ClientNote) {
        if self.clients.of(note.slot).is_some() {
            return;
        }
        let id = &note.id;
        if id.as_str() == ClientId::UNKNOWN {
            if let Some(slot) = self.slot_of_unknown() {
                self.put_back(slot, note);
                self.clients.know(note.slot, id, Some(self.key_of(slot)));
            }
            return;
        }
        let supposed = self.supposed.client(id);
        if !matches!(supposed, SupposedClient::AsItWas)
            && let Some(slot) = self.clients.last_of(id).map(|known| known.slot)
        {
            // As is supposed it goes on, though it was forgotten then.
            return self.clients.know_also(note.slot, id, slot);
        }
        self.ledger.configure(&config_of(id, note.config.as_ref()));
        let slot = self.keep_class_and_slot(id);
        if let Some(slot) = slot {
            self.put_back(slot, note);
        }
        if note.config.is_none() {
            self.ledger.remove(id.as_str());
        }
        self.clients.know(note.slot, id, slot.map(|slot| self.key_of(slot)));
        match supposed {
            SupposedClient::AsItWas => {}
            SupposedClient::Configured(config) => {
                // As if it had been written before all that is gone through.
                self.at(self.from);
                self.ledger.configure(config);
                self.keep_class_and_slot(id);
            }
            SupposedClient::Unknown => {
                self.ledger.remove(id.as_str());
            }
        }
    }

    /// A write is about to change buckets of clients that did not ask before. A limit that is another one
    /// here goes on with what was left then.
    pub(super) fn keep_before(&mut self, notes: &[BesideNote]) {
        for note in notes {
            let is_of_use = self.clients.of(note.slot).is_none()
                && self
                    .limits_then
                    .get(&note.key.limit)
                    .is_some_and(|(name, _)| !self.supposed.leaves(name.as_str()));
            if is_of_use {
                self.before.entry(note.slot).or_default().push(*note);
            }
        }
    }

    fn put_back(&mut self, slot: SlotNumber, note: &ClientNote) {
        let before = self.before.remove(&note.slot).unwrap_or_default();
        let mut books = self.ledger.slots.books(slot);
        let balances = &mut books.balances;
        *balances = Balances::default();
        balances.restore(Dimension::Rpm, note.epoch, note.requests);
        balances.restore(Dimension::Tpm, note.epoch, note.tokens);
        if let Some(rest) = &note.rest {
            balances.lines = rest.lines.clone();
            for (key, stocks) in &rest.beside {
                self.put_beside(balances, *key, stocks.iter());
            }
        }
        // What was noted first is put last.
        for BesideNote { key, part, stock, .. } in before.into_iter().rev() {
            self.put_beside(balances, key, [(part, stock)]);
        }
    }

    fn put_beside(
        &self,
        balances: &mut Balances,
        then: BesideKey,
        noted: impl IntoIterator<Item = (Part, Stock)>,
    ) {
        let Some(BesideThere { limit, key, is_left }) = self.beside(then) else { return };
        // What a write had not changed yet by then is changed as it did.
        let named = if is_left { &self.named } else { &self.named_first };
        let mut stocks = Stocks::default();
        noted.into_iter().for_each(|(part, stock)| stocks.put(part, stock));
        if let Some(limit) = named.limit(then.limit) {
            limit.bring_up(&mut stocks);
        }
        put(&limit, balances.beside.get_or_make(key), NotedStocks::of(&stocks));
    }

    /// What a request holds that asked before all that is gone through.
    pub(super) fn charges_there(&self, charges: &Charges) -> Charges {
        let beside = charges.beside.iter().filter_map(|(key, held)| {
            let key = match *key {
                BucketKey::Beside(key, part) => BucketKey::Beside(self.beside(key)?.key, part),
                BucketKey::Shared(key, part) => BucketKey::Shared(self.shared.get(key)?, part),
            };
            Some((key, *held))
        });
        Charges { beside: beside.collect(), ..charges.clone() }
    }

    /// A limit that counts the same there, and one of its buckets.
    fn beside(&self, key: BesideKey) -> Option<BesideThere> {
        let (name, kind) = self.limits_then.get(&key.limit)?;
        let is_left = self.supposed.leaves(name.as_str());
        if is_left && self.named.limit(key.limit).is_none() {
            return None;
        }
        let limit = self.ledger.rules.limit(name.as_str())?;
        let model = match key.model {
            None => None,
            Some(model) if is_left => Some(self.model_there(self.named.model(model)?)?),
            Some(model) => Some(self.model_there(self.models_then.get(&model)?)?),
        };
        let key = BesideKey { limit: limit.number, model };
        (limit.config.kind() == *kind).then_some(BesideThere { limit, key, is_left })
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

/// Puts what was left in place of what is there, under the numbers of the limit.
pub(super) fn put(limit: &InForce, stocks: &mut Stocks, noted: NotedStocks) {
    noted.iter().for_each(|(part, stock)| stocks.put(part, stock));
    limit.bring_up(stocks);
}
