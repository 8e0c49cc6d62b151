//! What outlived the process before goes back into the books.

use std::sync::Arc;

use limiter::{ClientId, Tokens, UnixMillis};

use super::{
    Client, Ledger, Reservation, Unknown, Worker, WorkerId,
    charges::{BucketKey, Charges},
    slots::Books,
    written::{self, push_books, push_learned},
};
use crate::store::state::{
    BucketRecord, EndedRecord, OpenedRecord, Record, SnapshotWriter, StateFiles,
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
        }
    }

    /// All was taken back, of a process whose last word is of `last`. What is decided from now on is
    /// written to `files`.
    pub fn go_on(&self, last: Option<UnixMillis>, files: Arc<StateFiles>) {
        let now = self.clock.now();
        self.journal.open(files);
        let last = last.unwrap_or(now);
        let go_on = |client: &Client| {
            let Some(slot) = client.slot.get() else { return };
            let is_to_be_written =
                self.slots.books(slot).balances.go_on(client.config.limits, last, now);
            // Read once more by a later process, what it was before would get this time twice.
            if is_to_be_written {
                self.touch(slot);
            }
        };
        self.clients.for_each(go_on);
        if let Unknown::Shared(client) = &self.unknown {
            go_on(client);
        }
        self.commit();
    }

    /// Says how everything stands, each thing at its own moment.
    pub fn write_all(&self, snapshot: &mut SnapshotWriter) {
        for worker in self.workers.all() {
            self.write_held(&worker, snapshot);
        }
        for slot in self.slots.all() {
            let books = self.slots.books(slot);
            push_books(&books, &mut |record| snapshot.push(record));
            push_learned(&books, &mut |record| snapshot.push(record));
            drop(books);
            snapshot.flush();
        }
        // What was read here and is not written down yet must not be in the snapshot alone.
        self.commit();
    }

    /// A few at a time: who holds much is not kept waiting while all of it is written.
    fn write_held(&self, worker: &Worker, snapshot: &mut SnapshotWriter) {
        let ids: Vec<_> = worker.lock().reservations.keys().copied().collect();
        for ids in ids.chunks(HELD_AT_A_TIME) {
            let held = worker.lock();
            for &id in ids {
                // One that has ended meanwhile has its end in the journal.
                let Some(reservation) = held.reservations.get(&id) else { continue };
                let Some(books) = self.slots.books_of(reservation.slot) else { continue };
                if let Some(client) = &books.client {
                    snapshot.push(&written::opened(worker.id(), id, client, reservation));
                }
            }
            drop(held);
            snapshot.flush();
        }
    }

    fn restore_bucket(&self, record: &BucketRecord<'_>) {
        let (client, dimension) = written::owner(record.bucket);
        self.with_books(client, |books| {
            let bucket = record.level.as_ref().and_then(written::bucket);
            books.balances.restore(dimension, record.epoch, bucket);
        });
    }

    fn restore_opened(&self, opened: &OpenedRecord<'_>) {
        let by_bucket = opened.charges.iter().filter_map(|charged| {
            let (_, dimension) = written::owner(charged.bucket);
            Some((BucketKey::Own(dimension), written::charge(charged)?))
        });
        let charges = Charges {
            epoch: opened.charges.first().map_or(0, |charge| charge.epoch),
            by_bucket: by_bucket.collect(),
        };
        let slot = self.with_named(opened.client, |client| {
            let slot = client.slot.get_or_take(&self.slots, &client.config.id);
            self.slots.books(slot).key(slot)
        });
        if let (Some(slot), Ok(reserved)) = (slot, Tokens::new(opened.reserved)) {
            let kind = written::kind(opened.kind);
            let reservation = Reservation { slot, kind, charges, reserved };
            self.hold_again(WorkerId(opened.worker), opened.id, reservation);
        }
    }

    fn with_books(&self, client: &str, change: impl FnOnce(&mut Books)) {
        let slot = self
            .with_named(client, |client| client.slot.get_or_take(&self.slots, &client.config.id));
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
