//! What outlived the process before goes back into the books.

use std::sync::Arc;

use limiter::{Bucket, Charge, ClientId, Dimension, Tokens, UnixMillis};

use super::{
    Client, Ledger, Reservation, Unknown, Worker, WorkerId,
    charges::{BucketKey, Charges, Held},
    record::LimitCount,
    rules::At,
    slots::Books,
    stock::{Part, Stock, Stocks},
    written::{self, push_books, push_learned, push_opened, push_shared},
};
use crate::{
    limits::{ModelName, Name},
    store::state::{
        BucketName, BucketRecord, ChargeRecord, EndedRecord, LimitBucketName, LimitTalliesRecord,
        LimitTally, OpenedRecord, Record, SnapshotWriter, StateFiles,
    },
};

/// Reservations of a worker that are written in one go.
const HELD_AT_A_TIME: usize = 256;

impl Ledger {
    /// Takes back one record, later ones over earlier ones. What is of a client that is not
    /// configured any more is passed over.
    pub fn restore(&self, record: &Record<'_>) {
        match record {
            Record::Bucket(bucket) => self.restore_bucket(bucket),
            Record::Tallies(of) => {
                self.with_books(of.client, |books| books.record.count_before(of.tallies));
            }
            Record::Learned(learned) => self.with_books(learned.client, |books| {
                let used = learned.used.iter().filter_map(|used| Tokens::new(*used).ok());
                books.record.learned_before(used, UnixMillis(learned.learned_at));
            }),
            Record::Opened(opened) => self.restore_opened(opened),
            Record::Ended(EndedRecord { worker, id }) => {
                self.let_go(WorkerId(*worker), *id);
            }
            Record::Forgotten(forgotten) => self.with_books(forgotten.client, Books::forget),
            Record::LimitTallies(tallies) => self.restore_limit_tallies(tallies),
            Record::LimitForgotten(forgotten) => self.restore_limit_forgotten(forgotten.limit),
            Record::ModelForgotten(forgotten) => self.restore_model_forgotten(forgotten.model),
        }
    }

    /// All was taken back, of a process whose last word is of `last`. What is decided from now on is
    /// written to `files`.
    pub fn go_on(&self, last: Option<UnixMillis>, files: Arc<StateFiles>) {
        let now = self.clock.now();
        self.journal.open(files);
        let last = last.unwrap_or(now);
        let named = self.rules.named();
        let go_on = |client: &Client| {
            let Some(slot) = client.entry.slot.get() else { return };
            let mut books = self.slots.books(slot);
            let balances = &mut books.balances;
            let is_to_be_written = balances.go_on(client.config.limits, last, now)
                | balances.beside.go_on(&named, last, now);
            drop(books);
            // Read once more by a later process, what it was before would get this time twice.
            if is_to_be_written {
                self.touch(slot);
            }
        };
        self.clients.for_each(go_on);
        if let Unknown::Shared(client) = &self.unknown {
            go_on(client);
        }
        self.note_gone(&self.rules.sweep(&self.shared));
        for limit in self.rules.limits() {
            for key in limit.shared_keys() {
                let books = self.shared.books_of(key);
                if books.is_some_and(|mut books| limit.go_on(&mut books.stocks, last, now)) {
                    let mut pen = self.journal.pen();
                    pen.touch_shared(key.number());
                    self.write_if_much(pen);
                }
            }
        }
        self.commit();
    }

    /// Says how everything stands, each thing at its own moment.
    pub fn write_all(&self, snapshot: &mut SnapshotWriter) {
        for worker in self.workers.all() {
            self.write_held(&worker, snapshot);
        }
        let named = self.rules.named();
        for slot in self.slots.all() {
            let books = self.slots.books(slot);
            push_books(&books, &named, &mut |record| snapshot.push(record));
            push_learned(&books, &mut |record| snapshot.push(record));
            drop(books);
            snapshot.flush();
        }
        for bucket in self.shared.all() {
            push_shared(&self.shared.books(bucket), &mut |record| snapshot.push(record));
            snapshot.flush();
        }
        // What was read here and is not written down yet must not be in the snapshot alone.
        self.commit();
    }

    /// A few at a time: who holds much is not kept waiting while all of it is written.
    fn write_held(&self, worker: &Worker, snapshot: &mut SnapshotWriter) {
        let named = self.rules.named();
        let ids: Vec<_> = worker.lock().reservations.keys().copied().collect();
        for ids in ids.chunks(HELD_AT_A_TIME) {
            let held = worker.lock();
            for &id in ids {
                // One that has ended meanwhile has its end in the journal.
                let Some(reservation) = held.reservations.get(&id) else { continue };
                let Some(books) = self.slots.books_of(reservation.slot) else { continue };
                if let Some(client) = &books.client {
                    let (worker, numbers) = (worker.id(), (&**named, &self.shared));
                    push_opened((worker, id), client, reservation, numbers, |record| {
                        snapshot.push(record);
                    });
                }
            }
            drop(held);
            snapshot.flush();
        }
    }

    fn restore_bucket(&self, record: &BucketRecord<'_>) {
        let bucket = record.level.as_ref().and_then(written::bucket);
        let own = match record.bucket {
            BucketName::Rpm(client) => (client, Dimension::Rpm),
            BucketName::Tpm(client) => (client, Dimension::Tpm),
            BucketName::Limit(name) if record.level.is_none() => {
                return self.restore_bucket_gone(&name);
            }
            BucketName::Limit(name) => {
                return self.restore_limit_bucket(name, record.epoch, bucket);
            }
            BucketName::Places(_) => return,
        };
        let (client, dimension) = own;
        self.with_books(client, |books| books.balances.restore(dimension, record.epoch, bucket));
    }

    /// Of a limit that is no more, or counts something else now, nothing is taken back.
    fn restore_limit_bucket(&self, name: LimitBucketName<'_>, epoch: u32, bucket: Option<Bucket>) {
        let Some(bucket) = bucket else { return };
        let part = written::part(&name);
        match self.rules.bucket_of(&name, &self.shared) {
            Some((limit, At::Beside(client, key))) if limit.counts_windows() => {
                self.with_books(client, |books| {
                    books.balances.restore_beside(key, epoch, part, bucket);
                });
            }
            Some((limit, At::Shared(key))) if limit.counts_windows() => {
                if let Some(mut books) = self.shared.books_of(key) {
                    books.stocks.put(part, Stock::Window(bucket));
                }
            }
            Some(_) | None => {}
        }
    }

    /// What was written of a bucket that clients share was of another one.
    fn restore_bucket_gone(&self, name: &LimitBucketName<'_>) {
        let Some((_, At::Shared(gone))) = self.rules.bucket_of(name, &self.shared) else { return };
        if let Some(mut books) = self.shared.books_of(gone) {
            books.stocks = Stocks::default();
        }
        self.forget_charges(|key| matches!(key, BucketKey::Shared(key, _) if *key == gone));
    }

    fn restore_limit_tallies(&self, record: &LimitTalliesRecord<'_>) {
        let by_limit = record.limits.iter().filter_map(|tally| {
            let LimitTally { limit, refused, would_refuse } = *tally;
            Some((self.rules.limit(limit)?.number, LimitCount { refused, would_refuse }))
        });
        let by_limit = by_limit.collect();
        self.with_books(record.client, |books| {
            books.record.count_beside_before(record.dropped, by_limit);
        });
    }

    /// What was written of a limit of this name was of another one.
    fn restore_limit_forgotten(&self, limit: &str) {
        let Some(limit) = self.rules.limit(limit) else { return };
        let keys = limit.shared_keys();
        for key in &keys {
            if let Some(mut books) = self.shared.books_of(*key) {
                books.stocks = Stocks::default();
            }
        }
        for slot in self.slots.all() {
            self.slots.books(slot).record.retain_limits(|number| number != limit.number);
        }
        self.forget_buckets(|key| match key {
            BucketKey::Own(_) => false,
            BucketKey::Beside(key, _) => key.limit == limit.number,
            BucketKey::Shared(key, _) => keys.contains(key),
        });
    }

    /// What was written of a model of this name was of another one.
    fn restore_model_forgotten(&self, model: &str) {
        let Ok(model) = Name::try_from(model) else { return };
        let number = self.rules.models().number(&ModelName::Named(model));
        let Some(number) = number else { return };
        self.rules.forget_model(number, &self.shared);
        self.forget_buckets(
            |key| matches!(key, BucketKey::Beside(key, _) if key.model == Some(number)),
        );
    }

    /// Takes such buckets from all clients, and out of what requests hold.
    fn forget_buckets(&self, is_gone: impl Fn(&BucketKey) -> bool) {
        for slot in self.slots.all() {
            let mut books = self.slots.books(slot);
            books.balances.beside.retain(|key, _| !is_gone(&BucketKey::Beside(key, Part::Main)));
        }
        self.forget_charges(is_gone);
    }

    /// Takes what requests hold of such buckets.
    fn forget_charges(&self, is_gone: impl Fn(&BucketKey) -> bool) {
        for worker in self.workers.all() {
            for reservation in worker.lock().reservations.values_mut() {
                reservation.charges.by_bucket.retain(|(key, _)| !is_gone(key));
            }
        }
    }

    fn restore_opened(&self, opened: &OpenedRecord<'_>) {
        let by_bucket = opened.charges.iter().filter_map(|charged| self.restored_charge(charged));
        let is_own = |charge: &&ChargeRecord<'_>| match charge.bucket {
            BucketName::Rpm(_) | BucketName::Tpm(_) => true,
            BucketName::Limit(name) | BucketName::Places(name) => name.client.is_some(),
        };
        let charges = Charges {
            epoch: opened.charges.iter().find(is_own).map_or(0, |charge| charge.epoch),
            by_bucket: by_bucket.collect(),
        };
        let slot = self.with_named(opened.client, |client| {
            let slot = client.entry.slot.get_or_take(&self.slots, &client.config.id);
            self.slots.books(slot).key(slot)
        });
        if let (Some(slot), Ok(reserved)) = (slot, Tokens::new(opened.reserved)) {
            let kind = written::kind(opened.kind);
            let reservation = Reservation { slot, kind, charges, reserved };
            self.take_places_again(&reservation);
            let replaced = self.hold_again(WorkerId(opened.worker), opened.id, reservation);
            if let Some(replaced) = replaced {
                self.give_places_back(&replaced);
            }
        }
    }

    fn restored_charge(&self, charged: &ChargeRecord<'_>) -> Option<(BucketKey, Held)> {
        let charge = written::charge(charged)?;
        let (name, is_place) = match charged.bucket {
            BucketName::Rpm(_) => return Some(own(Dimension::Rpm, charge)),
            BucketName::Tpm(_) => return Some(own(Dimension::Tpm, charge)),
            BucketName::Limit(name) => (name, false),
            BucketName::Places(name) => (name, true),
        };
        let (limit, at) = self.rules.bucket_of(&name, &self.shared)?;
        let part = written::part(&name);
        let held = Stock::held(limit.config.measure, (!is_place).then_some(charge));
        let key = match at {
            At::Beside(_, key) => BucketKey::Beside(key, part),
            At::Shared(key) => BucketKey::Shared(key, part),
        };
        (limit.counts_windows() != is_place).then_some((key, held))
    }

    /// A request that is read back has its places, however many there are now.
    fn take_places_again(&self, reservation: &Reservation) {
        self.for_each_place(reservation, Stock::take_again);
    }

    /// A request that was read back has ended before, or was read back twice.
    pub(super) fn give_places_back(&self, reservation: &Reservation) {
        self.for_each_place(reservation, |stock| stock.settle(&Held::Place, None, self.now()));
    }

    fn for_each_place(&self, reservation: &Reservation, change: impl Fn(&mut Stock)) {
        let places = reservation.charges.by_bucket.iter().filter(|(_, held)| *held == Held::Place);
        for (key, _) in places {
            match *key {
                BucketKey::Own(_) => {}
                BucketKey::Beside(key, part) => {
                    let (Some(limit), Some(mut books)) = (
                        self.rules
                            .named()
                            .limit(key.limit)
                            .map(|limit| limit.measure_or_main(part)),
                        self.slots.books_of(reservation.slot),
                    ) else {
                        continue;
                    };
                    change(books.balances.beside.get_or_make(key).get_or_make(
                        part,
                        limit,
                        self.now(),
                    ));
                }
                BucketKey::Shared(key, part) => {
                    let name = self.shared.books_of(key).and_then(|books| books.name.clone());
                    let limit = name.and_then(|name| self.rules.limit(name.limit.as_str()));
                    let measure = limit.map(|limit| limit.measure_or_main(part));
                    if let (Some(measure), Some(mut books)) = (measure, self.shared.books_of(key)) {
                        change(books.stocks.get_or_make(part, measure, self.now()));
                    }
                }
            }
        }
    }

    fn with_books(&self, client: &str, change: impl FnOnce(&mut Books)) {
        let slot = self.with_named(client, |client| {
            client.entry.slot.get_or_take(&self.slots, &client.config.id)
        });
        if let Some(slot) = slot {
            change(&mut self.slots.books(slot));
        }
    }

    /// What `read` sees of a client that is configured, or of the one that stands for all others.
    fn with_named<T>(&self, id: &str, read: impl FnOnce(&Client) -> T) -> Option<T> {
        if let Some(client) = self.clients.get(id) {
            return Some(read(&client));
        }
        if id == ClientId::UNKNOWN { self.with_client(id, read) } else { None }
    }
}

fn own(limit: Dimension, charge: Charge) -> (BucketKey, Held) {
    (BucketKey::Own(limit), Held::own(limit, charge))
}
