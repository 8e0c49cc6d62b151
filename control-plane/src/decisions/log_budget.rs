//! Keeps peers that open streams in a loop from filling the log.

use std::sync::Arc;

use limiter::UnixMillis;
use parking_lot::Mutex;
use tracing::warn;

/// Lines about streams in a second. When many Envoys restart at once, those beyond are only counted.
const LINES_PER_SECOND_MAX: u32 = 50;

/// How much may still be logged of streams; a clone draws on the same budget.
#[derive(Clone, Debug, Default)]
pub(super) struct LogBudget(Arc<Mutex<Second>>);

#[derive(Debug, Default)]
struct Second {
    /// Since the epoch.
    number: u64,
    lines: u32,
    left_out: u64,
}

impl LogBudget {
    /// Logs a line, or counts it as left out.
    pub(super) fn log(&self, now: UnixMillis, line: impl FnOnce()) {
        match self.0.lock().take_line(now) {
            Some(0) => line(),
            Some(left_out) => {
                warn!("{left_out} lines about decision streams were left out");
                line();
            }
            None => {}
        }
    }
}

impl Second {
    /// How many lines were left out before this one; `None`: so is this one.
    fn take_line(&mut self, now: UnixMillis) -> Option<u64> {
        let second = now.0 / 1_000;
        if second != self.number {
            let left_out = self.left_out;
            *self = Self { number: second, lines: 1, left_out: 0 };
            return Some(left_out);
        }
        if self.lines >= LINES_PER_SECOND_MAX {
            self.left_out += 1;
            return None;
        }
        self.lines += 1;
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_so_many_lines_and_the_next_one_tells_what_was_left_out() {
        let mut budget = Second::default();
        let lines = (0..1_000).filter(|_| budget.take_line(UnixMillis(5_000)).is_some()).count();
        assert_eq!(lines, 50);
        assert_eq!(budget.take_line(UnixMillis(5_999)), None);
        assert_eq!(budget.take_line(UnixMillis(6_000)), Some(951));
        assert_eq!(budget.take_line(UnixMillis(6_001)), Some(0));
    }
}
