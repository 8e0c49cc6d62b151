//! How long something that was sent has no answer.

use crate::{clock::Micros, host::TICK_MS};

/// Since when, by the clock and by ticks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unanswered {
    since: Micros,
    ticks: u32,
}

impl Unanswered {
    pub(super) fn since(now: Micros) -> Self {
        Self { since: now, ticks: 0 }
    }

    /// Some milliseconds have passed.
    pub(super) fn tick(&mut self) {
        self.ticks = self.ticks.saturating_add(1);
    }

    /// Whether it is for so long, and for half of the ticks that this takes.
    ///
    /// The ticks are there because a worker that is busy reads late what was answered early. Both
    /// the timer and the stream have their turn in each round of its loop.
    pub(super) fn is_for(&self, ms: u64, now: Micros) -> bool {
        let ticks = u32::try_from(ms / 2 / TICK_MS).unwrap_or(u32::MAX).max(1);
        self.since.plus_ms(ms) <= now && self.ticks >= ticks
    }
}
