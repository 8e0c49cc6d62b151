//! The one clock of this process's ledger.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use limiter::UnixMillis;

/// The wall clock at start plus the monotonic time since: a wall clock that is set neither
/// refills nor freezes a bucket.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    wall_ms_at_start: u64,
}

impl Clock {
    /// A clock that agrees with the wall clock now.
    pub fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            started: Instant::now(),
            wall_ms_at_start: u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Milliseconds since the Unix epoch.
    pub fn now(&self) -> UnixMillis {
        let elapsed_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        UnixMillis(self.wall_ms_at_start.saturating_add(elapsed_ms))
    }
}
