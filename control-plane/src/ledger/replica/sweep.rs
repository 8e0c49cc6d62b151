//! What can matter no more is removed from the store, and what those counted who are gone is added up.

use std::collections::HashSet;

use super::{Replica, limit_tallies, tallies};
use crate::{
    ledger::Ledger,
    store::shared::{GONE, TALLIES_KEY, Unavailable},
};

/// How many sums are added up at a time, in which the store answers nobody else.
const ADDED_UP_MAX: usize = 100;

impl Ledger {
    /// Looks at some further keys of a store that is shared. What fails is done in the next round.
    pub async fn sweep_store(&self) {
        let Some(replica) = &self.replica else { return };
        if !replica.store.committer.is_away() {
            let _ = replica.sweep().await;
        }
    }

    /// This process is no more one of those that share the store.
    pub async fn leave_store(&self) {
        if let Some(replica) = &self.replica {
            replica.store.committer.presence().leave().await;
        }
    }
}

impl Replica {
    async fn sweep(&self) -> Result<(), Unavailable> {
        let keys = self.store.sweep().await?;
        let told = self.store.tallies(keys.clone()).await?;
        let many: Vec<_> = keys.into_iter().zip(told).filter(|(_, told)| told.len() > 1).collect();
        if many.is_empty() {
            return Ok(());
        }
        let known: HashSet<_> = self.store.known().await?;
        for (key, mut told) in many {
            told.retain(|(name, _)| !known.contains(name));
            // The sum so far is always among what is added up.
            told.sort_by_key(|(name, _)| name != GONE);
            told.truncate(ADDED_UP_MAX);
            if told.len() < 2 {
                continue;
            }
            let sum = if key.starts_with(TALLIES_KEY) {
                tallies::added_up(&told)
            } else {
                limit_tallies::added_up(&told)
            };
            if let Some(sum) = sum {
                self.store.add_up(&key, &told, &sum).await?;
            }
        }
        Ok(())
    }
}
