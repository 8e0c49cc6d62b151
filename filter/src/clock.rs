//! Time that only goes forward, made from a wall clock that may not.

/// Microseconds on a [`Clock`]; only differences mean something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Micros(pub(crate) u64);

impl Micros {
    /// This moment and `ms` milliseconds.
    #[must_use]
    pub(crate) fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms.saturating_mul(1_000)))
    }

    /// Microseconds from `earlier` to this moment.
    pub(crate) fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// No tick is ever this late on a worker that serves, so a longer step was the clock being set.
const STEP_MAX_US: u64 = 10_000_000;

/// The host has a wall clock only. Set back, it would keep requests waiting beyond their timeout;
/// set forward, it would fail all that wait. Either step is counted as no time at all.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    wall_us: u64,
    now: Micros,
}

impl Clock {
    /// The present, from what the wall clock shows.
    pub(crate) fn advance(&mut self, wall_us: u64) -> Micros {
        let step_us = wall_us.saturating_sub(self.wall_us);
        self.wall_us = wall_us;
        if step_us <= STEP_MAX_US {
            self.now.0 = self.now.0.saturating_add(step_us);
        }
        self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_clock_that_is_set_moves_no_deadline() {
        let mut clock = Clock::default();
        let start = clock.advance(1_700_000_000_000_000);
        assert_eq!(clock.advance(1_700_000_000_020_000).since(start), 20_000);
        assert_eq!(clock.advance(1_600_000_000_000_000).since(start), 20_000);
        assert_eq!(clock.advance(1_600_000_000_030_000).since(start), 50_000);
        assert_eq!(clock.advance(1_800_000_000_000_000).since(start), 50_000);
    }
}
