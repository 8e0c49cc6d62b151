//! What is reported to the control plane without a question: ends and cancels of requests.

use proto::decision::{Ask, FilterFrame, Hello, Settle};

use super::response::Report;

/// A frame of its own is worth its cost from here on; fewer wait for the next asks or the tick.
const LARGE: usize = 256;

/// Bounded by the requests in progress, each of which ends once.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    settles: Vec<Settle>,
    cancels: Vec<u32>,
}

impl Outbox {
    pub(super) fn settle(&mut self, id: u32, report: Report, duration_us: u64) {
        self.settles.push(Settle {
            id,
            outcome: report.outcome.into(),
            duration_us,
            usage: report.usage.into(),
            used_tokens: report.used_tokens,
        });
    }

    pub(super) fn cancel(&mut self, id: u32) {
        self.cancels.push(id);
    }

    /// A frame with all that is here.
    pub(super) fn frame(&mut self, hello: Option<Hello>, asks: Vec<Ask>) -> FilterFrame {
        FilterFrame {
            hello,
            asks,
            settles: std::mem::take(&mut self.settles),
            cancels: std::mem::take(&mut self.cancels),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.settles.is_empty() && self.cancels.is_empty()
    }

    pub(super) fn is_large(&self) -> bool {
        self.settles.len() + self.cancels.len() >= LARGE
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
