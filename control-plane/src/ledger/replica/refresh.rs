//! How clients stand is read from the store: what others took of their limits, and what others counted.

use std::{collections::HashSet, num::NonZeroU64, sync::Arc};

use limiter::{ClientId, Dimension, Places};

use super::{Replica, tallies::Counted};
use crate::{
    ledger::{
        Client, Ledger,
        keys::{BesideKey, Part, SharedKey},
        record::CountedHere,
        rules::{Found, InForce},
        slot_key::SlotNumber,
        stock::Stock,
    },
    store::shared::{Told, Unavailable},
};

/// How many buckets are read at a time.
const READ_AT_A_TIME: usize = 1_024;

/// A bucket that is read.
struct Read {
    of: Where,
    part: Part,
    /// Of so many requests, tokens or places.
    amount: u64,
    key: Arc<[u8]>,
    /// `None`: places, of so many.
    told: Option<Told>,
}

#[derive(Clone, Copy)]
enum Where {
    Own(SlotNumber, Dimension),
    /// A client's of a limit.
    Beside(SlotNumber, BesideKey),
    Shared(SharedKey),
}

impl Read {
    /// So many of its places are taken.
    fn places(&self, taken: u64) -> Option<Stock> {
        Some(Stock::Places(Places::with_taken(NonZeroU64::new(self.amount)?, taken)))
    }
}

impl Ledger {
    /// Brings what is known here of these clients up to date, where others share their limits.
    pub async fn refresh(&self, clients: &[ClientId]) -> Result<(), Unavailable> {
        let Some(replica) = &self.replica else { return Ok(()) };
        // Nobody who reads a list waits for a store that is away, once for each part of it.
        if replica.store.committer.is_away() {
            return Err(Unavailable);
        }
        let mut reads = Vec::new();
        let mut slots = Vec::new();
        for id in clients {
            self.with_client(id.as_str(), |client| {
                let slot = client.entry.slot.get_or_take(&self.slots, &client.id);
                slots.push((slot, client.id.clone()));
                self.push_reads(replica, client, slot, &mut reads);
            });
        }
        for few in reads.chunks(READ_AT_A_TIME) {
            self.read(replica, few).await?;
        }
        let others = replica.counted_by_others(&slots).await?;
        for ((slot, client), counted) in slots.iter().zip(others) {
            let mut limits: Vec<_> = counted
                .limits
                .iter()
                .filter_map(|(name, count)| Some((self.rules.limit(name)?.number, *count)))
                .collect();
            limits.sort_unstable_by_key(|(limit, _)| *limit);
            let Counted { tallies, dropped, .. } = counted;
            let counted = CountedHere { tallies, dropped, limits };
            let others = replica.renamed.lock().without_earlier(client, counted);
            self.slots.books(*slot).record.others_counted(&others);
        }
        Ok(())
    }

    /// The same of a limit's buckets that clients share.
    pub(super) async fn refresh_shared(
        &self,
        replica: &Replica,
        limit: &str,
    ) -> Result<(), Unavailable> {
        let (mut reads, mut known) = (Vec::new(), HashSet::new());
        let nobody = ClientId::unknown();
        for applied in self.rules.applied_to_classes() {
            applied.for_each_bucket(&self.shared, |row, found| {
                let Found::Shared(key) = found else { return };
                if row.limit.config.name.as_str() == limit && known.insert(key) {
                    // No client is part of its name.
                    let of_nobody = (&nobody, &*row.limit, found);
                    self.push_bucket(replica, of_nobody, Where::Shared(key), &mut reads);
                }
            });
        }
        for few in reads.chunks(READ_AT_A_TIME) {
            self.read(replica, few).await?;
        }
        Ok(())
    }

    async fn read(&self, replica: &Replica, reads: &[Read]) -> Result<(), Unavailable> {
        let now = self.clock.now();
        let (windows, places): (Vec<_>, Vec<_>) =
            reads.iter().partition(|read| read.told.is_some());
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
            self.put_read(read, read.places(taken));
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
            let of = Where::Own(slot, dimension);
            reads.push(Read { of, part: Part::Main, amount: limit.get(), key, told: Some(told) });
        }
        let applied = client.entry.class.applied_now();
        applied.for_each_bucket(&self.shared, |row, found| {
            let of = match found {
                Found::Beside(key) => Where::Beside(slot, key),
                Found::Shared(key) => Where::Shared(key),
            };
            self.push_bucket(replica, (id, &row.limit, found), of, reads);
        });
    }

    /// Both numbers of a limit's bucket, where it has a second one on trial.
    fn push_bucket(
        &self,
        replica: &Replica,
        (client, limit, found): (&ClientId, &InForce, Found),
        of: Where,
        reads: &mut Vec<Read>,
    ) {
        for part in [Part::Main, Part::Trial] {
            let Some(measure) = limit.measure(part) else { continue };
            let bucket = self.stored_bucket(replica, client, (limit, found, part));
            let Some((key, told)) = bucket else { continue };
            reads.push(Read { of, part, amount: measure.amount(), key, told });
        }
    }

    /// `None` is as good as full.
    fn put_read(&self, read: &Read, stock: Option<Stock>) {
        match read.of {
            Where::Own(slot, dimension) => {
                let bucket = stock.and_then(|stock| stock.bucket().copied());
                self.slots.books(slot).balances.put_own(dimension, bucket);
            }
            Where::Beside(slot, key) => {
                let mut books = self.slots.books(slot);
                books.balances.beside.get_or_make(key).replace(read.part, stock);
            }
            Where::Shared(key) => {
                if let Some(mut books) = self.shared.books_of(key) {
                    books.stocks.replace(read.part, stock);
                }
            }
        }
    }
}
