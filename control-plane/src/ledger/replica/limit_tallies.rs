//! What each control plane counted of a limit, told as a whole like what it counted of a client.

use std::{collections::HashMap, sync::Arc, sync::atomic::Ordering::Relaxed};

use serde::{Deserialize, Serialize};

use super::Replica;
use crate::{
    ledger::{Ledger, record::LimitCount, rules::Counted},
    limits::LimitName,
    store::shared::Unavailable,
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
    pub(super) async fn tell_limit_tallies(&self, replica: &Replica) {
        let counted = self.rules.counted().into_iter();
        let mut news: Vec<_> = counted.map(|(name, counted)| (name, count_of(&counted))).collect();
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
            if replica.store.tell_tallies(&replica.name, told.collect()).await.is_err() {
                return;
            }
            replica.told_of_limits.lock().extend(few.iter().cloned());
        }
    }
}

impl Replica {
    /// What others counted of a limit.
    pub(super) async fn limit_counted_by_others(
        &self,
        limit: &str,
    ) -> Result<LimitCount, Unavailable> {
        let told = self.store.tallies(vec![key(limit)]).await?;
        let others = told.iter().flatten().filter(|(name, _)| *name != self.name);
        let told = others.filter_map(|(_, told)| postcard::from_bytes::<Told>(told).ok());
        let known = told.filter(|told| told.format == FORMAT);
        Ok(known.fold(LimitCount::default(), |sum, told| LimitCount {
            refused: sum.refused.saturating_add(told.refused),
            would_refuse: sum.would_refuse.saturating_add(told.would_refuse),
        }))
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
    [b"l:", limit.as_bytes()].concat().into()
}
