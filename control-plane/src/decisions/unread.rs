//! What a worker holds that a shared store keeps, and that could not be read there when the worker came.

use std::{collections::HashSet, mem::take};

use super::frame::{Reports, Settle};
use crate::ledger::HELD_MAX;

/// Requests that the worker has named, and how those of them ended that have ended since. Its ends are
/// not acknowledged until these have taken effect, so that they are told again where this stream ends
/// before.
#[derive(Debug, Default)]
pub(super) struct Unread {
    named: HashSet<u32>,
    settles: Vec<Settle>,
    cancels: Vec<u32>,
}

impl Unread {
    /// The worker names some of them.
    pub(super) fn name(&mut self, ids: impl Iterator<Item = u32>) {
        let room = HELD_MAX.saturating_sub(self.named.len());
        self.named.extend(ids.take(room));
    }

    /// Whether a request that is read at last is under way for its worker.
    pub(super) fn is_named(&self, id: u32) -> bool {
        self.named.contains(&id)
    }

    /// Takes out of `reports` how these requests ended.
    pub(super) fn keep_from(&mut self, reports: &mut Reports) {
        let named = &mut self.named;
        self.settles.extend(reports.settles.extract_if(.., |settle| named.remove(&settle.id)));
        self.cancels.extend(reports.cancels.extract_if(.., |id| named.remove(id)));
    }

    /// How they ended.
    pub(super) fn take_reports(&mut self) -> Reports {
        let (settles, cancels) = (take(&mut self.settles), take(&mut self.cancels));
        Reports { settles, cancels, drops: Vec::new() }
    }
}
