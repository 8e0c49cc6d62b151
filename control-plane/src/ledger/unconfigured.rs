//! Ids that nobody configured, in the log: enough of them to see who asks, never so many that they
//! fill it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use limiter::UnixMillis;
use parking_lot::Mutex;
use tracing::{Level, enabled, info};

use crate::excerpt::Excerpt;

/// Ids that are named in a minute, each once.
const NAMED_PER_MINUTE_MAX: usize = 10;

const MINUTE_MS: u64 = 60_000;

/// What the log was told of such ids in this minute.
#[derive(Debug, Default)]
pub(super) struct Unconfigured(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    /// Since the epoch.
    number: u64,
    /// The ids that were named, as hashes: an id may be as long as its sender likes.
    named: Vec<u64>,
    /// Requests of other ids.
    unnamed: u64,
}

impl Unconfigured {
    /// A request came with an id that nobody configured, and this is what becomes of it.
    pub(super) fn note(&self, id: &str, what: &str, now: UnixMillis) {
        if !enabled!(Level::INFO) {
            return;
        }
        let (unnamed, is_named) = {
            let mut minute = self.0.lock();
            (minute.turn(now), minute.names(id))
        };
        tell(unnamed);
        if is_named {
            info!(
                client_id = Excerpt::new(id).as_str(),
                "an id that nobody configured asks: {what}"
            );
        }
    }

    /// Says how many went unnamed, once their minute is over.
    pub(super) fn tell(&self, now: UnixMillis) {
        let unnamed = self.0.lock().turn(now);
        tell(unnamed);
    }
}

fn tell(unnamed: u64) {
    if unnamed > 0 {
        info!("{unnamed} further requests within a minute had ids that nobody configured");
    }
}

impl Minute {
    /// Begins the minute of `now`, unless it has begun: the requests that went unnamed in the one
    /// before.
    fn turn(&mut self, now: UnixMillis) -> u64 {
        let number = now.0 / MINUTE_MS;
        if number == self.number {
            return 0;
        }
        self.number = number;
        self.named.clear();
        std::mem::take(&mut self.unnamed)
    }

    /// Whether the log is to name the id now.
    fn names(&mut self, id: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let id = hasher.finish();
        if self.named.contains(&id) {
            return false;
        }
        let is_named = self.named.len() < NAMED_PER_MINUTE_MAX;
        if is_named {
            self.named.push(id);
        } else {
            self.unnamed = self.unnamed.saturating_add(1);
        }
        is_named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_named_once_a_minute() {
        let mut minute = Minute::default();
        assert_eq!(minute.turn(UnixMillis(60_000)), 0);
        assert!(minute.names("a") && !minute.names("a") && minute.names("b"));
        assert_eq!(minute.turn(UnixMillis(119_999)), 0);
        assert!(!minute.names("a"));
        assert_eq!(minute.turn(UnixMillis(120_000)), 0, "none went unnamed");
        assert!(minute.names("a"));
    }

    #[test]
    fn a_minute_names_so_many_and_the_next_one_tells_how_often_others_asked() {
        let mut minute = Minute::default();
        minute.turn(UnixMillis(60_000));
        let ids = (0..1_000).map(|n| format!("made-up-{n}"));
        let named = ids.filter(|id| minute.names(id)).count();
        assert_eq!(named, NAMED_PER_MINUTE_MAX);
        assert!(minute.named.len() <= NAMED_PER_MINUTE_MAX);
        assert_eq!(minute.turn(UnixMillis(120_000)), 990);
        assert_eq!(minute.turn(UnixMillis(180_000)), 0);
    }
}
