//! How clients stand is read from the store: what others took of their limits, and what others counted.

use std::{num::NonZeroU64, sync::Arc};

use limiter::{ClientId, Dimension, Places};
use smallvec::SmallVec;

use super::{Replica, tallies::Counted};
use crate::{
    ledger::{
        Client, Ledger,
        keys::{BucketKey, Part},
        rules::{Found, Row},
        slots::SlotNumber,
        stock::Stock,
    },
    store::shared::{Told, Unavailable},
};

/// A bucket that is read.
struct Read {
    slot: SlotNumber,
    of: Where,
    key: Arc<[u8]>,
    /// `None`: places, of so many.
    told: Option<Told>,
}

enum Where {
    Own(Dimension),
    /// Of so many requests, tokens or places.
    Beside(BucketKey, u64),
}

impl Where {
    /// So many of its places are taken, where it has places.
    fn places(&self, taken: u64) -> Option<Stock> {
        let Self::Beside(_, max) = self else { return None };
        Some(Stock::Places(Places::with_taken(NonZeroU64::new(*max)?, taken)))
    }
}

impl Ledger {
    /// Brings what is known here of these clients up to date, where others share their limits.
    pub async fn refresh(&self, clients: &[ClientId]) -> Result<(), Unavailable> {
        let Some(replica) = &self.replica else { return Ok(()) };
        let mut reads = Vec::new();
        let mut slots = Vec::new();
        for id in clients {
            self.with_client(id.as_str(), |client| {
                let slot = client.entry.slot.get_or_take(&self.slots, &client.id);
                slots.push((slot, client.id.clone()));
                self.push_reads(replica, client, slot, &mut reads);
            });
        }
        let now = self.clock.now();
        let (windows, places): (Vec<_>, Vec<_>) =
            reads.into_iter().partition(|read| read.told.is_some());
        let keys = windows.iter().map(|read| Arc::clone(&read.key)).collect();
        let values = replica.store.values(keys).await?;
        for (read, value) in windows.iter().zip(values) {
            if let Some(told) = &read.told {
                // One that is not there was never charged.
                let value = value.map(|value| value.follow(told, now));
                let stock = value.map(|value| Stock::Window(value.bucket));
                self.put_read(read, stock);
            }
        }
        let keys = places.iter().map(|read| Arc::clone(&read.key)).collect();
        let taken = replica.store.places_taken(keys).await?;
        for (read, taken) in places.iter().zip(taken) {
            self.put_read(read, read.of.places(taken));
        }
        let others = replica.counted_by_others(&slots).await?;
        for ((slot, _), counted) in slots.iter().zip(others) {
            self.put_counted(*slot, &counted);
        }
        Ok(())
    }

    fn push_reads(
        &self,
        replica: &Replica,
        client: &Client,
        slot: SlotNumber,
        reads: &mut Vec<Read>,
    ) {
        let id = &client.id;
        let limits = client.limits;
        for (dimension, limit) in [(Dimension::Rpm, limits.rpm), (Dimension::Tpm, limits.tpm)] {
            let Some(limit) = limit else { continue };
            let (key, told) = replica.own(id, dimension, limit.into());
            reads.push(Read { slot, of: Where::Own(dimension), key, told: Some(told) });
        }
        let applied = client.entry.class.applied_now();
        let mut push = |row: &Row, found: Found| {
            for part in [Part::Main, Part::Trial] {
                let limit = &row.limit;
                let Some(measure) = limit.measure(part) else { continue };
                let bucket = self.stored_bucket(replica, id, (limit, found, part));
                let Some((key, told)) = bucket else { continue };
                let of = Where::Beside(
                    match found {
                        Found::Beside(key) => BucketKey::Beside(key, part),
                        Found::Shared(key) => BucketKey::Shared(key, part),
                    },
                    measure.amount(),
                );
                reads.push(Read { slot, of, key, told });
            }
        };
        applied.for_each_bucket(&self.shared, |row, found| push(row, found));
    }

    /// `None` is as good as full.
    fn put_read(&self, read: &Read, stock: Option<Stock>) {
        match &read.of {
            Where::Own(dimension) => {
                let bucket = stock.and_then(|stock| stock.bucket().copied());
                self.slots.books(read.slot).balances.put_own(*dimension, bucket);
            }
            Where::Beside(BucketKey::Beside(key, part), ..) => {
                let mut books = self.slots.books(read.slot);
                let stocks = books.balances.beside.get_or_make(*key);
                stocks.replace(*part, stock);
            }
            Where::Beside(BucketKey::Shared(key, part), ..) => {
                if let Some(mut books) = self.shared.books_of(*key) {
                    books.stocks.replace(*part, stock);
                }
            }
        }
    }

    fn put_counted(&self, slot: SlotNumber, counted: &Counted) {
        let limits: SmallVec<[_; 4]> = counted
            .limits
            .iter()
            .filter_map(|(name, count)| Some((self.rules.limit(name)?.number, *count)))
            .collect();
        self.slots.books(slot).record.others_counted(counted.tallies, counted.dropped, &limits);
    }
}
