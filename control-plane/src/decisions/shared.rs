//! What all streams have in common.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{StreamMetrics, log_budget::LogBudget, seats::Seats};
use crate::ledger::Ledger;

/// A clone counts into the same metrics, and draws on the same bounds.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) ledger: Arc<Ledger>,
    pub(super) metrics: StreamMetrics,
    pub(super) seats: Seats,
    pub(super) log: LogBudget,
    pub(super) shutdown: CancellationToken,
}
