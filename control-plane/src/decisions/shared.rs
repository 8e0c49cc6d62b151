//! What all streams have in common.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{HeldInAll, StreamMetrics, log_budget::LogBudget};
use crate::ledger::Ledger;

/// A clone counts into the same metrics, and draws on the same bounds.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) ledger: Arc<Ledger>,
    pub(super) metrics: StreamMetrics,
    pub(super) held_in_all: HeldInAll,
    pub(super) log: LogBudget,
    pub(super) shutdown: CancellationToken,
}
