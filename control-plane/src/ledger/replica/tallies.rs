//! What each control plane counted of a client, told as a whole and never added up in the store, so that
//! nothing is counted twice.

use std::{collections::BTreeSet, mem, sync::Arc};

use limiter::ClientId;
use serde::{Deserialize, Serialize};

use super::Replica;
use crate::{
    ledger::{
        Ledger,
        record::{CountedHere, LimitCount},
        slot_key::SlotNumber,
        slots::Books,
    },
    store::{
        shared::{Name, TALLIES_KEY, Unavailable},
        state::{LimitTalliesRecord, Record, Tallies, TalliesRecord},
    },
};

/// How many clients are told of at a time.
const TOLD_AT_A_TIME: usize = 256;

/// What processes counted of one client.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    pub(super) tallies: Tallies,
    pub(super) dropped: u64,
    pub(super) limits: Vec<(String, LimitCount)>,
}

/// The same of one process, as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Told<'a> {
    format: u8,
    tallies: Tallies,
    dropped: u64,
    #[serde(borrow)]
    limits: Vec<(&'a str, u64, u64)>,
}

const FORMAT: u8 = 1;

/// Clients of whom more was counted since it was told.
#[derive(Debug, Default)]
pub(super) struct Untold(BTreeSet<SlotNumber>);

impl Untold {
    pub(super) fn add(&mut self, slot: SlotNumber) {
        self.0.insert(slot);
    }
}

impl Ledger {
    /// Tells what was counted here since the last time, where others share the limits. What the store did
    /// not take is told the next time.
    pub async fn tell_tallies(&self) {
        let Some(replica) = &self.replica else { return };
        let name = self.name_to_tell_by(replica);
        self.tell_limit_tallies(replica, &name).await;
        let mut untold = mem::take(&mut replica.untold.lock().0).into_iter();
        loop {
            let few: Vec<_> = untold.by_ref().take(TOLD_AT_A_TIME).collect();
            if few.is_empty() {
                return;
            }
            let named = self.rules.named();
            let told = few.iter().filter_map(|slot| {
                let books = self.slots.books(*slot);
                let Books { client, record, .. } = &*books;
                let client = client.as_ref()?;
                let CountedHere { tallies, dropped, limits } =
                    replica.renamed.lock().without_earlier(client, record.counted_here());
                let limits = limits.iter().filter_map(|(limit, count)| {
                    let name = named.limit(*limit)?.config.name.as_str();
                    Some((name, count.refused, count.would_refuse))
                });
                let told = Told { format: FORMAT, tallies, dropped, limits: limits.collect() };
                told.stored(client.as_str())
            });
            let told = told.collect();
            if replica.store.tell_tallies(&name, told).await != Ok(true) {
                let mut again = replica.untold.lock();
                again.0.extend(few);
                again.0.extend(untold);
                return;
            }
        }
    }
}

impl Replica {
    /// What others counted of each of these clients.
    pub(super) async fn counted_by_others(
        &self,
        clients: &[(SlotNumber, ClientId)],
    ) -> Result<Vec<Counted>, Unavailable> {
        let keys = clients.iter().map(|(_, client)| key(client.as_str())).collect();
        let Name { name: here, .. } = self.store.name();
        let told = self.store.tallies(keys).await?;
        let counted = told.iter().map(|told| {
            let others = told.iter().filter(|(name, _)| **name != *here);
            sum_of(others.map(|(_, told)| told))
        });
        Ok(counted.collect())
    }
}

/// What an installation counted that had no store, as one more that counts; `None`: nothing is written
/// down of this client.
pub(super) fn counted_before(records: &[Record<'_>]) -> Option<(Arc<[u8]>, Vec<u8>)> {
    let mut counted =
        Told { format: FORMAT, tallies: Tallies::default(), dropped: 0, limits: vec![] };
    let mut of = None;
    for record in records {
        match record {
            Record::Tallies(TalliesRecord { client, tallies }) => {
                of = Some(*client);
                // As many further ones would not count; here nobody counts further.
                counted.tallies = Tallies { overcounted: 0, ..*tallies };
            }
            Record::LimitTallies(LimitTalliesRecord { client, dropped, limits }) => {
                of = Some(*client);
                counted.dropped = *dropped;
                let limits = limits.iter();
                let limits = limits.map(|of| (of.limit.name, of.refused, of.would_refuse));
                counted.limits = limits.collect();
            }
            _ => {}
        }
    }
    counted.stored(of?)
}

/// What several processes counted of a client. What a later version wrote is not read.
pub(super) fn sum_of<'a>(told: impl Iterator<Item = &'a Vec<u8>>) -> Counted {
    told.filter_map(|told| Told::read(told)).fold(Counted::default(), Counted::and)
}

/// The sum of what these told, as it is stored; `None` where one of them is not read.
pub(super) fn added_up(told: &[(Vec<u8>, Vec<u8>)]) -> Option<Vec<u8>> {
    let all = told.iter().map(|(_, told)| Told::read(told)).collect::<Option<Vec<_>>>()?;
    let Counted { tallies, dropped, limits } =
        all.into_iter().fold(Counted::default(), Counted::and);
    let limits = limits.iter().map(|(name, of)| (&**name, of.refused, of.would_refuse)).collect();
    postcard::to_allocvec(&Told { format: FORMAT, tallies, dropped, limits }).ok()
}

impl<'a> Told<'a> {
    fn read(told: &'a [u8]) -> Option<Self> {
        postcard::from_bytes(told).ok().filter(|told: &Self| told.format == FORMAT)
    }
}

impl Told<'_> {
    /// Where it stands, and the bytes.
    fn stored(&self, client: &str) -> Option<(Arc<[u8]>, Vec<u8>)> {
        // It writes to memory, and knows all that is told.
        Some((key(client), postcard::to_allocvec(self).ok()?))
    }
}

impl Counted {
    fn and(mut self, told: Told<'_>) -> Self {
        self.tallies = self.tallies.and(&Tallies { overcounted: 0, ..told.tallies });
        self.tallies.overcounted = 0;
        self.dropped = self.dropped.saturating_add(told.dropped);
        for (name, refused, would_refuse) in told.limits {
            let count = LimitCount { refused, would_refuse };
            match self.limits.iter_mut().find(|(known, _)| known == name) {
                Some((_, sum)) => {
                    sum.refused = sum.refused.saturating_add(count.refused);
                    sum.would_refuse = sum.would_refuse.saturating_add(count.would_refuse);
                }
                None => self.limits.push((name.to_owned(), count)),
            }
        }
        self
    }
}

fn key(client: &str) -> Arc<[u8]> {
    [TALLIES_KEY, client.as_bytes()].concat().into()
}
