//! Keeps what anybody may cause again and again from filling the log.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;
use tracing::warn;

const SECOND: Duration = Duration::from_secs(1);

/// How many lines a second may be logged about something, and those beyond only be counted; a clone draws
/// on the same budget.
#[derive(Clone, Debug)]
pub(crate) struct LogBudget {
    about: &'static str,
    lines_max: u32,
    second: Arc<Mutex<Option<Second>>>,
}

#[derive(Debug)]
struct Second {
    began: Instant,
    lines: u32,
    left_out: u64,
}

impl LogBudget {
    /// So many lines a second `about` something, which is in the words of a log: "decision streams".
    pub(crate) fn new(lines_max: u32, about: &'static str) -> Self {
        Self { about, lines_max, second: Arc::default() }
    }

    /// Logs a line, or counts it as left out.
    pub(crate) fn log(&self, line: impl FnOnce()) {
        match self.take_line() {
            Some(0) => line(),
            Some(left_out) => {
                warn!("{left_out} lines about {} were left out", self.about);
                line();
            }
            None => {}
        }
    }

    /// How many lines were left out before this one; `None`: so is this one.
    fn take_line(&self) -> Option<u64> {
        let mut second = self.second.lock();
        match &mut *second {
            Some(second) if second.began.elapsed() < SECOND => {
                if second.lines >= self.lines_max {
                    second.left_out += 1;
                    return None;
                }
                second.lines += 1;
                Some(0)
            }
            before => {
                let left_out = before.as_ref().map_or(0, |before| before.left_out);
                *before = Some(Second { began: Instant::now(), lines: 1, left_out: 0 });
                Some(left_out)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_second_has_so_many_lines_and_the_next_one_tells_what_was_left_out() {
        let budget = LogBudget::new(50, "tests");
        let lines = (0..1_000).filter(|_| budget.take_line().is_some()).count();
        assert_eq!(lines, 50);
        advance(Duration::from_millis(999)).await;
        assert_eq!(budget.clone().take_line(), None);
        advance(Duration::from_millis(1)).await;
        assert_eq!(budget.take_line(), Some(951));
        assert_eq!(budget.take_line(), Some(0));
    }
}
