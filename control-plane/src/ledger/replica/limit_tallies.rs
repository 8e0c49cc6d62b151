//! What each control plane counted of a limit, told as a whole like what it counted of a client.

use std::{collections::HashMap, sync::Arc, sync::atomic::Ordering::Relaxed};

use serde::{Deserialize, Serialize};

use super::Replica;
use crate::{
    ledger::{Ledger, record::LimitCount, rules::Counted},
    limits::LimitName,
    store::shared::{LIMIT_TALLIES_KEY, Name, Unavailable},
};

/// How many limits are told of at a time.
const TOLD_AT_A_TIME: usize = 256;

/// What one process counted, as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    format: u8,
    refused: u64,
    would_refuse: u64,
}

const FORMAT: u8 = 1;

/// What was told of each limit last.
pub(super) type ToldOfLimits = HashMap<LimitName, LimitCount>;

impl Ledger {
    /// Tells what limits counted here since the last time.
    pub(super) async fn tell_limit_tallies(&self, replica: &Replica, by: &Name) {
        let mut news = self.counted_of_limits();
        for (name, count) in &mut news {
            *count = replica.renamed.lock().limit_without_earlier(name.as_str(), *count);
        }
        {
            let told = replica.told_of_limits.lock();
            news.retain(|(name, count)| told.get(name).copied().unwrap_or_default() != *count);
        }
        for few in news.chunks(TOLD_AT_A_TIME) {
            let told = few.iter().filter_map(|(name, count)| {
                let &LimitCount { refused, would_refuse } = count;
                let told = Told { format: FORMAT, refused, would_refuse };
                Some((key(name.as_str()), postcard::to_allocvec(&told).ok()?))
            });
            if replica.store.tell_tallies(by, told.collect()).await != Ok(true) {
                return;
            }
            replica.told_of_limits.lock().extend(few.iter().cloned());
        }
    }
}

impl Ledger {
    /// What each limit counted here.
    pub(super) fn counted_of_limits(&self) -> Vec<(LimitName, LimitCount)> {
        let counted = self.rules.counted().into_iter();
        counted.map(|(name, counted)| (name, count_of(&counted))).collect()
    }
}

impl Replica {
    /// What others counted of a limit.
    pub(super) async fn limit_counted_by_others(
        &self,
        limit: &str,
    ) -> Result<LimitCount, Unavailable> {
        let Name { name: here, .. } = self.store.name();
        let told = self.store.tallies(vec![key(limit)]).await?;
        let others = told.iter().flatten().filter(|(name, _)| **name != *here);
        let told = others.filter_map(|(_, told)| Told::read(told));
        let sum = told.fold(LimitCount::default(), |sum, told| sum.and(&told.count()));
        Ok(self.renamed.lock().limit_without_earlier(limit, sum))
    }
}

/// The sum of what these told, as it is stored; `None` where one of them is not read.
pub(super) fn added_up(told: &[(Vec<u8>, Vec<u8>)]) -> Option<Vec<u8>> {
    let all = told.iter().map(|(_, told)| Told::read(told)).collect::<Option<Vec<_>>>()?;
    let sum = all.iter().fold(LimitCount::default(), |sum, told| sum.and(&told.count()));
    let LimitCount { refused, would_refuse } = sum;
    postcard::to_allocvec(&Told { format: FORMAT, refused, would_refuse }).ok()
}

impl Told {
    fn read(told: &[u8]) -> Option<Self> {
        postcard::from_bytes(told).ok().filter(|told: &Self| told.format == FORMAT)
    }

    fn count(&self) -> LimitCount {
        LimitCount { refused: self.refused, would_refuse: self.would_refuse }
    }
}

/// Both counts of requests that were not refused: a limit in shadow, or its number on trial.
fn count_of(counted: &Counted) -> LimitCount {
    let Counted { enforced, shadow, trial } = counted;
    LimitCount {
        refused: enforced.load(Relaxed),
        would_refuse: shadow.load(Relaxed).saturating_add(trial.load(Relaxed)),
    }
}

fn key(limit: &str) -> Arc<[u8]> {
    [LIMIT_TALLIES_KEY, limit.as_bytes()].concat().into()
}
