//! What all streams have in common.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{StreamMetrics, seats::Seats};
use crate::{ledger::Ledger, log_budget::LogBudget};

/// Lines about streams in a second. When many Envoys restart at once, those beyond are only counted.
pub(super) const LINES_PER_SECOND_MAX: u32 = 50;

/// A clone counts into the same metrics, and draws on the same bounds.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) ledger: Arc<Ledger>,
    pub(super) metrics: StreamMetrics,
    pub(super) seats: Seats,
    pub(super) log: LogBudget,
    pub(super) shutdown: CancellationToken,
}
