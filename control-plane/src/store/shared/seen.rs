//! What the store was last seen to hold: of a server that may have lost something it is told what another
//! one knew, and while none answers it is where this process goes on from.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use foldhash::fast::RandomState;
use limiter::UnixMillis;

use super::{Value, client::Server};

/// From how many buckets on those are looked for of which nothing has to be remembered.
const SWEEP_FROM: usize = 10_000;

/// Buckets as they were seen last.
#[derive(Debug, Default)]
pub(super) struct Seen {
    values: HashMap<Arc<[u8]>, Value, RandomState>,
    /// Those that the server that answers now has not been told of.
    untold: HashSet<Arc<[u8]>, RandomState>,
    server: Option<Server>,
    sweep_at: usize,
}

impl Seen {
    /// Notes who answers from now on; whether it may have lost what was seen before.
    pub(super) fn server(&mut self, server: Server) -> bool {
        let may_have_lost =
            self.server.as_ref().is_some_and(|before| server.may_have_lost_what(before));
        if may_have_lost {
            self.untold = self.values.keys().cloned().collect();
        }
        self.server = Some(server);
        may_have_lost
    }

    /// What has to be told of a bucket with the next call for it.
    pub(super) fn to_tell(&self, key: &[u8]) -> Option<Value> {
        self.untold.contains(key).then(|| self.values.get(key).copied()).flatten()
    }

    /// What was last seen of a bucket.
    pub(super) fn last(&self, key: &[u8]) -> Option<&Value> {
        self.values.get(key)
    }

    /// Notes how a bucket stood after a call.
    pub(super) fn note(&mut self, key: &[u8], value: Value, now: UnixMillis) {
        self.untold.remove(key);
        match self.values.get_mut(key) {
            Some(known) => *known = value,
            None => {
                self.values.insert(key.into(), value);
            }
        }
        if self.values.len() >= self.sweep_at.max(SWEEP_FROM) {
            // One that is full again is as good as one that was never seen.
            self.values.retain(|_, value| !value.is_full(now));
            self.untold.retain(|key| self.values.contains_key(key));
            self.sweep_at = self.values.len() * 2;
        }
    }

    /// How many buckets are remembered.
    pub(super) fn untold(&self) -> usize {
        self.untold.len()
    }
}
