//! What came of requests that showed a key.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use limiter::UnixMillis;

use super::UnixSeconds;

/// How precisely it is known when something was last used, in seconds.
const LAST_USED_EVERY_S: u32 = 60;

/// When something was last used, to the minute: of what is in use it is read by all threads and written
/// by none.
#[derive(Debug, Default)]
pub(super) struct LastUsed(AtomicU32);

impl LastUsed {
    pub(super) fn note(&self, now: UnixMillis) {
        let now = UnixSeconds::at(now).get();
        if now.abs_diff(self.0.load(Ordering::Relaxed)) >= LAST_USED_EVERY_S {
            self.0.store(now, Ordering::Relaxed);
        }
    }

    pub(super) fn get(&self) -> Option<UnixSeconds> {
        UnixSeconds::new(self.0.load(Ordering::Relaxed))
    }
}

/// The figures of a key that was used. Each goes up only, and ends with the process.
#[derive(Debug, Default)]
pub(super) struct Usage {
    pub(super) last_used: LastUsed,
    admitted: AtomicU64,
    dropped: AtomicU64,
    tokens: AtomicU64,
}

impl Usage {
    pub(super) fn decided(&self, admitted: bool) {
        let count = if admitted { &self.admitted } else { &self.dropped };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn used(&self, tokens: u64) {
        self.tokens.fetch_add(tokens, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> KeyStats {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        KeyStats {
            last_used: self.last_used.get(),
            admitted: count(&self.admitted),
            dropped: count(&self.dropped),
            tokens_used: count(&self.tokens),
        }
    }
}

/// What came of requests that showed a key, since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyStats {
    /// When it was last used, to the minute.
    pub last_used: Option<UnixSeconds>,
    /// Requests that were admitted.
    pub admitted: u64,
    /// Requests that were refused.
    pub dropped: u64,
    /// Tokens of admitted requests that ended, as they were charged in the end.
    pub tokens_used: u64,
}
