//! What outlived the process before goes back into the books.

use std::sync::Arc;

use limiter::{Bucket, ClientId, Dimension, Tokens, UnixMillis};

use super::{
    Client, Ledger, Reservation, Unknown, Worker, WorkerId,
    charges::{Charges, Held},
    keys::{BucketKey, Part},
    record::LimitCount,
    rules::{At, ModelNumber},
    slot_key::SlotNumber,
    slots::Books,
    stock::{Stock, Stocks},
    written::{self, push_books, push_learned, push_opened, push_shared},
};
use crate::{
    limits::{ModelName, Name},
    store::state::{
        BucketName, BucketRecord, ChargeRecord, EndedRecord, LimitBucketName, LimitId,
        LimitTalliesRecord, LimitTally, OpenedRecord, Record, SnapshotWriter, StateFiles,
    },
};

/// Reservations of a worker that are written in one go.
const HELD_AT_A_TIME: usize = 256;

impl Ledger {
    /// Takes back one record, later ones over earlier ones. Of a client that is not configured any
    /// more that is what its open requests hold; all else is passed over.
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
            Record::Forgotten(forgotten) => {
                self.with_books(forgotten.client, Books::forget);
                self.passed_over.lock().client_is_gone(forgotten.client);
            }
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
        self.note_passed_over();
        let last = last.unwrap_or(now);
        let named = self.rules.named();
        let go_on = |client: &Client| {
            let Some(slot) = client.entry.slot.get() else { return };
            let mut books = self.slots.books(slot);
            let balances = &mut books.balances;
            let is_to_be_written =
                balances.go_on(client.limits, last, now) | balances.beside.go_on(&named, last, now);
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
                    pen.touch_shared(key.number);
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
                // Of a client that is forgotten it is known no more than that it is none.
                let books = self.slots.books_of(reservation.slot);
                let client = books.and_then(|books| books.client.clone());
                let client = client.unwrap_or_else(ClientId::other);
                let (worker, numbers) = (worker.id(), (&**named, &self.shared));
                push_opened((worker, id), &client, reservation, numbers, |record| {
                    snapshot.push(record);
                });
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
        };
        let (client, dimension) = own;
        self.with_books(client, |books| books.balances.restore(dimension, record.epoch, bucket));
    }

    /// Of a limit that is no more nothing is taken back.
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
            Some(_) => {}
            None => self.pass_over(&name),
        }
    }

    /// A bucket is of nothing that there is.
    fn pass_over(&self, name: &LimitBucketName<'_>) {
        let mut passed_over = self.passed_over.lock();
        if self.rules.limit_of(name.limit).is_none() {
            passed_over.limit(name.limit);
        }
        if let Some(model) = name.model
            && self.model(model).is_none()
        {
            passed_over.model(model);
        }
        if let Some(client) = name.client
            && self.clients.get(client).is_none()
        {
            passed_over.client(client);
        }
    }

    /// The number of the model of this name.
    fn model(&self, model: &str) -> Option<ModelNumber> {
        let model = match model {
            ClientId::OTHER => ModelName::Other,
            model => ModelName::Named(Name::try_from(model).ok()?),
        };
        self.rules.models().number(&model)
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
            let LimitTally { limit: id, refused, would_refuse } = *tally;
            let limit = self.rules.limit_of(id);
            if limit.is_none() {
                self.passed_over.lock().limit(id);
            }
            Some((limit?.number, LimitCount { refused, would_refuse }))
        });
        let by_limit = by_limit.collect();
        self.with_books(record.client, |books| {
            books.record.count_beside_before(record.dropped, by_limit);
        });
    }

    /// What was written of this limit was of another one.
    fn restore_limit_forgotten(&self, limit: LimitId<'_>) {
        let Some(limit) = self.rules.limit_of(limit) else {
            return self.passed_over.lock().limit_is_gone(limit);
        };
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
            BucketKey::Beside(key, _) => key.limit == limit.number,
            BucketKey::Shared(key, _) => keys.contains(key),
        });
    }

    /// What was written of a model of this name was of another one.
    fn restore_model_forgotten(&self, model: &str) {
        let Some(number) = self.model(model) else {
            return self.passed_over.lock().model_is_gone(model);
        };
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
                reservation.charges.beside.retain(|(key, _)| !is_gone(key));
            }
        }
    }

    fn restore_opened(&self, opened: &OpenedRecord<'_>) {
        let is_own = |charge: &&ChargeRecord<'_>| match charge.bucket {
            BucketName::Rpm(_) | BucketName::Tpm(_) => true,
            BucketName::Limit(name) => name.client.is_some(),
        };
        let epoch = opened.charges.iter().find(is_own).map_or(0, |charge| charge.epoch);
        let mut charges = Charges::none(epoch);
        for charged in &opened.charges {
            match charged.bucket {
                BucketName::Rpm(_) => charges.requests = written::charge(charged),
                BucketName::Tpm(_) => charges.tokens = written::charge(charged),
                BucketName::Limit(name) => {
                    charges.beside.extend(self.restored_charge(&name, charged));
                }
            }
        }
        let slot =
            self.slot_of(opened.client).or_else(|| self.slot_of_gone(opened.client, &charges));
        if let (Some(slot), Ok(reserved)) = (slot, Tokens::new(opened.reserved)) {
            let slot = self.slots.books(slot).key(slot);
            let kind = written::kind(opened.kind);
            let reservation = Reservation { slot, kind, charges, reserved, number: 0 };
            self.take_places_again(&reservation);
            let replaced = self.hold_again(WorkerId(opened.worker), opened.id, reservation);
            if let Some(replaced) = replaced {
                self.give_places_back(&replaced);
            }
        }
    }

    /// The slot of a client that is not configured any more and has open requests. Should it be created
    /// again, they have nothing of its buckets.
    fn slot_of_gone(&self, client: &str, charges: &Charges) -> Option<SlotNumber> {
        let mut retired = self.retired.lock();
        let slot = if let Some(slot) = retired.get(client) {
            slot
        } else {
            let id = ClientId::try_from(client).ok()?;
            let slot = self.slots.take(&id);
            if let Some(forgotten) = retired.put(id, slot) {
                self.slots.give_back(forgotten);
            }
            slot
        };
        let mut books = self.slots.books(slot);
        books.retire();
        books.balances.restore_epoch_of_charge(charges.epoch);
        Some(slot)
    }

    fn restored_charge(
        &self,
        name: &LimitBucketName<'_>,
        charged: &ChargeRecord<'_>,
    ) -> Option<(BucketKey, Held)> {
        let charge = written::charge(charged)?;
        let Some((limit, at)) = self.rules.bucket_of(name, &self.shared) else {
            self.pass_over(name);
            return None;
        };
        let part = written::part(name);
        let held = Stock::held(limit.config.measure, limit.counts_windows().then_some(charge));
        let key = match at {
            At::Beside(_, key) => BucketKey::Beside(key, part),
            At::Shared(key) => BucketKey::Shared(key, part),
        };
        Some((key, held))
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
        let places = reservation.charges.beside.iter().filter(|(_, held)| *held == Held::Place);
        for (key, _) in places {
            match *key {
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
        match self.slot_of(client) {
            Some(slot) => change(&mut self.slots.books(slot)),
            None => self.passed_over.lock().client(client),
        }
    }

    /// The slot of a client that is configured, or of the one that stands for all others.
    fn slot_of(&self, client: &str) -> Option<SlotNumber> {
        self.with_named(client, |client| client.entry.slot.get_or_take(&self.slots, &client.id))
    }

    /// What `read` sees of a client that is configured, or of the one that stands for all others.
    fn with_named<T>(&self, id: &str, read: impl FnOnce(&Client) -> T) -> Option<T> {
        if let Some(client) = self.clients.get(id) {
            return Some(read(&client));
        }
        if id == ClientId::UNKNOWN { self.with_client(id, read) } else { None }
    }
}
