//! Looks through a store that is shared, again and again, for what can matter no more.

use std::{convert::Infallible, sync::Arc};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{ledger::Ledger, store::shared::STEP_INTERVAL};

/// Makes a step whenever it is time for one, until the process stops.
pub(super) async fn run(
    ledger: Arc<Ledger>,
    shutdown: CancellationToken,
) -> Result<(), Infallible> {
    let mut steps = interval(STEP_INTERVAL);
    steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while shutdown.run_until_cancelled(steps.tick()).await.is_some() {
        ledger.sweep_store().await;
    }
    Ok(())
}
