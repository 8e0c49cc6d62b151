//! What a process that begins may find: the oracle at each step that was written down, since the last
//! one that is sure to outlive a power failure.

use std::collections::VecDeque;

use crate::oracle::Oracle;

/// Steps that were written down, the oldest first.
#[derive(Debug)]
pub(crate) struct History {
    steps: VecDeque<Step>,
    /// The number of the first one.
    first: u64,
}

/// The oracle when an entry of the journal was written.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The oracle.
    pub(crate) oracle: Oracle,
    /// The ledger's time of the entry; `None`: there was none yet.
    pub(crate) at: Option<u64>,
    /// How many requests had ended.
    pub(crate) ended: usize,
    /// Whether something was answered by it.
    pub(crate) has_left: bool,
    /// Whether it is sure to be read after a kill.
    pub(crate) is_written: bool,
}

impl History {
    /// Nothing was written yet.
    pub(crate) fn new(oracle: Oracle) -> Self {
        let step = Step { oracle, at: None, ended: 0, has_left: true, is_written: true };
        Self { steps: VecDeque::from([step]), first: 0 }
    }

    /// An entry was written, or should have been.
    pub(crate) fn note(&mut self, step: Step) {
        self.steps.push_back(step);
    }

    /// The number of the newest step.
    pub(crate) fn newest(&self) -> u64 {
        self.first + u64::try_from(self.steps.len()).unwrap_or(u64::MAX) - 1
    }

    /// All steps up to this one are on the disk for good.
    pub(crate) fn is_durable(&mut self, mark: u64) {
        let up_to_mark = usize::try_from(mark - self.first).unwrap_or(0);
        let up_to_mark: Vec<_> =
            self.steps.iter().take(up_to_mark + 1).map(|step| step.is_written).collect();
        let durable = up_to_mark.iter().rposition(|is_written| *is_written);
        for _ in 0..durable.unwrap_or(0) {
            self.steps.pop_front();
            self.first += 1;
        }
    }

    /// A snapshot is in force: what was written behind it counts.
    pub(crate) fn all_is_written(&mut self) {
        self.steps.iter_mut().for_each(|step| step.is_written = true);
    }

    /// What a process may find that begins after a kill, the newest first.
    pub(crate) fn after_kill(&self) -> Vec<&Step> {
        let last_written = self.steps.iter().rposition(|step| step.is_written).unwrap_or(0);
        self.steps.iter().skip(last_written).rev().collect()
    }

    /// What one may find that begins after a power failure, the newest first.
    pub(crate) fn after_power_failure(&self) -> Vec<&Step> {
        self.steps.iter().rev().collect()
    }

    /// When something was answered first after this step.
    pub(crate) fn forgotten_since(&self, found: &Step) -> Option<u64> {
        let place = self.steps.iter().position(|step| std::ptr::eq(step, found))?;
        self.steps.iter().skip(place + 1).find(|step| step.has_left)?.at
    }

    /// A process has begun with this.
    pub(crate) fn begin(&mut self, step: Step) {
        self.first = self.newest() + 1;
        self.steps = VecDeque::from([step]);
    }
}
