//! Tells people that the store is away, and that it is back. Requests are served meanwhile, by
//! `STORE_FAILURE_MODE`, so the process stays ready.

use std::convert::Infallible;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    health::{Health, Part},
    store::shared::StoreFailureMode,
};

/// Looks after a store.
#[derive(Debug)]
pub(super) struct StoreWatch {
    why_away: watch::Receiver<Option<String>>,
    meanwhile: &'static str,
}

impl StoreWatch {
    /// A watch of a store for which `mode` stands while it is away.
    pub(super) fn new(why_away: watch::Receiver<Option<String>>, mode: StoreFailureMode) -> Self {
        let meanwhile = match mode {
            StoreFailureMode::Local => "requests are decided here, by a part of each limit",
            StoreFailureMode::Closed => "requests have no decision, and meet FAILURE_MODE",
            StoreFailureMode::Open => "requests pass",
        };
        Self { why_away, meanwhile }
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
            let changed = shutdown.run_until_cancelled(self.why_away.changed()).await;
            if !matches!(changed, Some(Ok(()))) {
                return Ok(());
            }
        }
    }
}
