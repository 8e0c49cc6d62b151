//! The ledger's time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use limiter::UnixMillis;

/// Tells the ledger what time it is.
#[derive(Clone, Debug)]
pub enum Clock {
    /// Goes on by itself.
    System(SystemClock),
    /// Stands still until it is moved.
    Manual(ManualClock),
}

/// The wall clock at start plus the monotonic time since: a wall clock that is set neither
/// refills nor freezes a bucket.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    started: Instant,
    wall_ms_at_start: u64,
}

/// A clock in the hands of a test; a clone is the same clock.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicU64>);

impl Clock {
    /// Milliseconds since the Unix epoch.
    pub fn now(&self) -> UnixMillis {
        match self {
            Self::System(clock) => clock.now(),
            Self::Manual(clock) => clock.now(),
        }
    }
}

impl SystemClock {
    /// A clock that agrees with the wall clock now.
    pub fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            started: Instant::now(),
            wall_ms_at_start: u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX),
        }
    }

    fn now(&self) -> UnixMillis {
        let elapsed_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        UnixMillis(self.wall_ms_at_start.saturating_add(elapsed_ms))
    }
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn at(now: UnixMillis) -> Self {
        Self(Arc::new(AtomicU64::new(now.0)))
    }

    /// Moves the clock, forward or backward.
    pub fn set(&self, now: UnixMillis) {
        self.0.store(now.0, Ordering::Relaxed);
    }

    fn now(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::Relaxed))
    }
}

impl From<SystemClock> for Clock {
    fn from(clock: SystemClock) -> Self {
        Self::System(clock)
    }
}

impl From<ManualClock> for Clock {
    fn from(clock: ManualClock) -> Self {
        Self::Manual(clock)
    }
}
