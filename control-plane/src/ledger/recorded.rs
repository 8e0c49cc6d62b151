//! What is written down of each client, all of one moment: its configuration, what is left and what
//! happened. Requests under way are not in it.

use limiter::ClientId;
use smallvec::SmallVec;

use super::{
    Client, Ledger, Unknown,
    rules::Named,
    slots::Books,
    written::{push_books, push_learned, push_shared},
};
use crate::{clients::ClientConfig, store::state::Record};

/// A client has two buckets, tallies and what it learned.
const RECORDS: usize = 4;

impl Ledger {
    /// What `read` makes of at most `max` clients and their records, by id, of those that come after
    /// `after`. Decisions of a client wait while it is read.
    pub fn recorded_after<T>(
        &self,
        after: Option<&ClientId>,
        max: usize,
        read: impl Fn(&ClientConfig, &[Record<'_>]) -> T,
    ) -> Vec<T> {
        self.clients.after(after, max, |client| {
            self.recorded(client, |records| read(&self.config_of(client), records))
        })
    }

    /// What `read` makes of the records of all ids that are not configured; `None` where they are
    /// denied.
    pub fn recorded_unknown<T>(&self, read: impl FnOnce(&[Record<'_>]) -> T) -> Option<T> {
        match &self.unknown {
            Unknown::Shared(client) => Some(self.recorded(client, read)),
            Unknown::Denied(_) => None,
        }
    }

    /// What `read` makes of the records of each bucket that clients share.
    pub fn recorded_shared(&self, mut read: impl FnMut(&Record<'_>)) {
        for bucket in self.shared.all() {
            push_shared(&self.shared.books(bucket), &mut |record| read(record));
        }
    }

    fn recorded<T>(&self, client: &Client, read: impl FnOnce(&[Record<'_>]) -> T) -> T {
        match client.entry.slot.get() {
            Some(slot) => read(&records(&self.slots.books(slot), &self.rules.named())),
            None => read(&[]),
        }
    }
}

fn records<'a>(books: &'a Books, named: &'a Named) -> SmallVec<[Record<'a>; RECORDS]> {
    let mut records = SmallVec::new();
    push_books(books, named, &mut |record| records.push(record.clone()));
    push_learned(books, &mut |record| records.push(record.clone()));
    records
}
