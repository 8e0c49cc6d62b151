//! Keys that the store has and that nobody here can read. What needs them meets the failure mode; each is
//! named once in the log, and people are told how many there are.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};
use tracing::{error, info};

use crate::log_budget::LogBudget;

/// How many are kept in mind.
const KEYS_MAX: usize = 10_000;

/// Lines a second: whoever wrote one may have written thousands.
const LINES_MAX: u32 = 10;

/// For how long one counts that nobody asks for any more: it may be gone, and its worker too.
const COUNTS_FOR: Duration = Duration::from_mins(1);

/// How often it is looked which of them count.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// What the key of a bucket is in the words of the log.
pub(super) const BUCKET: &str = "a bucket";

/// The same of places.
pub(super) const OF_PLACES: &str = "a bucket of places";

/// The same of what is stored of a worker.
pub(super) const OF_WORKER: &str = "a worker's key";

/// Keys that cannot be read.
#[derive(Debug)]
pub(super) struct UnreadableKeys {
    /// What stands before each of them in the store.
    prefix: Box<[u8]>,
    /// By when each was met last.
    keys: BTreeMap<Arc<[u8]>, Instant>,
    count: watch::Sender<usize>,
    looked_at: Option<Instant>,
    log: LogBudget,
}

impl UnreadableKeys {
    /// None yet, of those with this prefix.
    pub(super) fn behind(prefix: &str) -> Self {
        Self {
            prefix: prefix.as_bytes().into(),
            keys: BTreeMap::new(),
            count: watch::Sender::default(),
            looked_at: None,
            log: LogBudget::new(LINES_MAX, "keys of the shared store that cannot be read"),
        }
    }

    /// How many there are, and each change of that.
    pub(super) fn count(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn contains(&self, key: &[u8]) -> bool {
        self.keys.contains_key(key)
    }

    /// This one cannot be read, which is `what` in the words of the log.
    pub(super) fn meets(&mut self, what: &str, key: &[u8], now: Instant) {
        if let Some(met_at) = self.keys.get_mut(key) {
            *met_at = now;
        } else if self.keys.len() < KEYS_MAX {
            self.keys.insert(key.into(), now);
            let name = [&*self.prefix, key].concat();
            self.log.log(|| {
                error!(
                    key = %name.escape_ascii(),
                    "{what} of the shared store can't be read here: requests that need it meet \
                     STORE_FAILURE_MODE, until the key is deleted or written by a release of this format"
                );
            });
        }
        self.tell(now);
    }

    /// This one was read.
    pub(super) fn can_be_read(&mut self, what: &str, key: &[u8], now: Instant) {
        if self.keys.remove(key).is_some() {
            let name = [&*self.prefix, key].concat();
            self.log.log(|| {
                info!(
                    key = %name.escape_ascii(),
                    "{what} of the shared store can be read again"
                );
            });
            self.tell(now);
        }
    }

    /// Time passes, after which some count no more.
    pub(super) fn look(&mut self, now: Instant) {
        if !self.is_empty()
            && self.looked_at.is_none_or(|at| now.duration_since(at) >= LOOK_INTERVAL)
        {
            self.looked_at = Some(now);
            self.tell(now);
        }
    }

    fn tell(&self, now: Instant) {
        let counts = |met_at: &&Instant| now.duration_since(**met_at) < COUNTS_FOR;
        let count = self.keys.values().filter(counts).count();
        self.count.send_if_modified(|told| std::mem::replace(told, count) != count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_counts_until_it_is_read_or_nobody_asked_for_it_for_a_minute() {
        let mut keys = UnreadableKeys::behind("{flowguard}:");
        let count = keys.count();
        let now = Instant::now();
        keys.meets(BUCKET, b"one", now);
        keys.meets(BUCKET, b"one", now);
        keys.meets(BUCKET, b"other", now);
        assert_eq!(*count.borrow(), 2);
        keys.can_be_read(BUCKET, b"one", now);
        assert_eq!(*count.borrow(), 1);
        keys.look(now + COUNTS_FOR);
        assert_eq!(*count.borrow(), 0);
        assert!(keys.contains(b"other"));
        keys.meets(BUCKET, b"other", now + COUNTS_FOR);
        assert_eq!(*count.borrow(), 1);
    }
}
