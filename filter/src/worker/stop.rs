//! The end of a worker: it stays until its last ends are acknowledged.

use super::Worker;
use crate::{clock::Micros, host::Host};

/// How long a worker waits for that. It takes a round trip where nothing is wrong, and a second
/// until a stream that hangs is given up, and the next one tried.
const PATIENCE_MS: u64 = 2_000;

/// How far the end of a worker has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stop {
    #[default]
    NotAskedFor,
    /// It ends then, whatever is acknowledged.
    Until(Micros),
    Over,
}

impl Worker {
    /// No request will come any more. From now on [`Worker::is_over`] says when that was all.
    pub fn stop(&mut self, host: &mut impl Host, wall_us: u64) {
        let now = self.clock.advance(wall_us);
        self.report(host, now);
        self.link.leave(host);
        self.count_itself_no_more(host);
        self.stop = Stop::Until(now.plus_ms(PATIENCE_MS));
        self.end_if_all_is_told(host, now);
    }

    /// Whether nothing more is to be done, so that the host need not call again.
    pub fn is_over(&self) -> bool {
        self.stop == Stop::Over
    }

    pub(super) fn end_if_all_is_told(&mut self, host: &mut impl Host, now: Micros) {
        let Stop::Until(end) = self.stop else { return };
        if self.outbox.ends.is_empty() || end <= now {
            self.link.stop(host);
            self.stop = Stop::Over;
        }
    }
}
