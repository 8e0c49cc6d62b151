//! Tells people that the store is away, is run so that it forgets, or has keys that nobody can read, and that
//! all is well again. Requests are served meanwhile, by `STORE_FAILURE_MODE`, so the process stays ready.

use std::convert::Infallible;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    health::{Health, Part},
    store::shared::{Committer, StoreFailureMode},
};

/// Looks after a store.
#[derive(Debug)]
pub(super) struct StoreWatch {
    why_away: watch::Receiver<Option<String>>,
    evicts: watch::Receiver<Option<String>>,
    unreadable: watch::Receiver<usize>,
    meanwhile: &'static str,
}

impl StoreWatch {
    /// A watch of the store that is asked so, for which `mode` stands while it is away.
    pub(super) fn new(committer: &Committer, mode: StoreFailureMode) -> Self {
        let meanwhile = match mode {
            StoreFailureMode::Local => "requests are decided here, by a part of each limit",
            StoreFailureMode::Closed => "requests have no decision, and meet FAILURE_MODE",
            StoreFailureMode::Open => "requests pass",
        };
        let (why_away, evicts) = (committer.why_away(), committer.presence().evicts());
        let unreadable = committer.unreadable_keys();
        Self { why_away, evicts, unreadable, meanwhile }
    }

    /// Tells `health` of each change, until the process stops.
    pub(super) async fn run(
        mut self,
        health: Health,
        shutdown: CancellationToken,
    ) -> Result<(), Infallible> {
        loop {
            let why = self.why_away.borrow_and_update().clone();
            match why {
                Some(why) => {
                    let reason = format!("the shared store is away ({why}): {}", self.meanwhile);
                    health.degrade(Part::Store, reason);
                }
                None => health.recover(Part::Store),
            }
            let evicts = self.evicts.borrow_and_update().clone();
            match evicts {
                Some(policy) => {
                    let reason = format!(
                        "the shared store has maxmemory-policy {policy}, and throws away what clients \
                         have spent when memory is short: set it to noeviction"
                    );
                    health.degrade(Part::StoreMemory, reason);
                }
                None => health.recover(Part::StoreMemory),
            }
            let unreadable = *self.unreadable.borrow_and_update();
            if unreadable > 0 {
                let reason = format!(
                    "keys of the shared store that cannot be read: {unreadable}, which the log names; \
                     where one is needed, {}",
                    self.meanwhile
                );
                health.degrade(Part::StoreKeys, reason);
            } else {
                health.recover(Part::StoreKeys);
            }
            let changed = async {
                tokio::select! {
                    changed = self.why_away.changed() => changed,
                    changed = self.evicts.changed() => changed,
                    changed = self.unreadable.changed() => changed,
                }
            };
            if !matches!(shutdown.run_until_cancelled(changed).await, Some(Ok(()))) {
                return Ok(());
            }
        }
    }
}
