//! How many places each worker holds here. That is told to the store, and never counted there: what it
//! has not heard, or may have lost, is told again.

use std::{
    collections::{BTreeSet, HashMap},
    num::NonZeroU64,
    sync::Arc,
    time::Duration,
};

use foldhash::fast::RandomState;
use tokio::time::Instant;

use crate::store::shared::wish::WorkerName;

/// How often it is said of each place that is held.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(20);

/// How often those are looked for of which it has to be said.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Places by their bucket, and by who holds them.
#[derive(Debug, Default)]
pub(super) struct HeldPlaces {
    held: HashMap<Arc<[u8]>, HashMap<[u8; 16], Held>, RandomState>,
    /// Those of which the store has not heard how many they are, in the order in which they are said.
    unheard: BTreeSet<(Arc<[u8]>, [u8; 16])>,
    looked_at: Option<Instant>,
}

/// Places of one bucket that a worker holds.
#[derive(Debug)]
struct Held {
    /// Whose they are, by its newest stream.
    worker: Arc<WorkerName>,
    count: u32,
    max: NonZeroU64,
    said_at: Instant,
}

/// What a worker says of its places in one bucket.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) key: Arc<[u8]>,
    pub(super) worker: Arc<WorkerName>,
    pub(super) max: NonZeroU64,
    pub(super) count: u32,
}

impl HeldPlaces {
    /// A worker holds one place more, of so many.
    pub(super) fn take(&mut self, key: &Arc<[u8]>, worker: &Arc<WorkerName>, max: NonZeroU64) {
        let of_bucket = self.held.entry(Arc::clone(key)).or_default();
        let new = || Held { worker: Arc::clone(worker), count: 0, max, said_at: Instant::now() };
        let held = of_bucket.entry(worker.name).or_insert_with(new);
        held.count = held.count.saturating_add(1);
        held.max = max;
        if worker.stream >= held.worker.stream {
            held.worker = Arc::clone(worker);
        }
        self.unheard.insert((Arc::clone(key), worker.name));
    }

    /// A request that held one has ended.
    pub(super) fn give_back(&mut self, key: &Arc<[u8]>, worker: &WorkerName) {
        let held = self.held.get_mut(key).and_then(|of_bucket| of_bucket.get_mut(&worker.name));
        if let Some(held) = held {
            held.count = held.count.saturating_sub(1);
            self.unheard.insert((Arc::clone(key), worker.name));
        }
    }

    /// Another process speaks for a worker from now on.
    pub(super) fn forget(&mut self, worker: [u8; 16]) {
        self.held.retain(|_, of_bucket| {
            of_bucket.remove(&worker);
            !of_bucket.is_empty()
        });
        self.unheard.retain(|(_, of)| *of != worker);
    }

    /// A worker has a new stream, on which it is spoken of from now on.
    pub(super) fn goes_on(&mut self, worker: &Arc<WorkerName>) {
        for held in self.held.values_mut().filter_map(|of_bucket| of_bucket.get_mut(&worker.name)) {
            held.worker = Arc::clone(worker);
        }
    }

    /// How many are held here by a worker.
    pub(super) fn of_worker(&self, key: &[u8], worker: &WorkerName) -> u32 {
        let of_bucket = self.held.get(key);
        of_bucket.and_then(|of_bucket| of_bucket.get(&worker.name)).map_or(0, |held| held.count)
    }

    /// How many are held here by all workers.
    pub(super) fn taken(&self, key: &[u8]) -> u64 {
        let of_bucket = self.held.get(key).into_iter().flat_map(HashMap::values);
        of_bucket.map(|held| u64::from(held.count)).sum()
    }

    /// What the store has to hear, as far as it did not, or not for long.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Word> {
        if self.looked_at.is_none_or(|at| now.duration_since(at) >= LOOK_INTERVAL) {
            self.looked_at = Some(now);
            for (key, of_bucket) in &self.held {
                let due = of_bucket.iter();
                let due = due.filter(|(_, held)| now.duration_since(held.said_at) >= HEARTBEAT);
                self.unheard.extend(due.map(|(worker, _)| (Arc::clone(key), *worker)));
            }
        }
        let words = self.unheard.iter().filter_map(|(key, worker)| {
            let held = self.held.get(key)?.get(worker)?;
            let (worker, max, count) = (Arc::clone(&held.worker), held.max, held.count);
            Some(Word { key: Arc::clone(key), worker, max, count })
        });
        words.collect()
    }

    /// The store has heard that a worker holds so many. Whoever holds none is forgotten with that.
    pub(super) fn heard(&mut self, key: &Arc<[u8]>, worker: &WorkerName, count: u32) {
        let entry = (Arc::clone(key), worker.name);
        let Some(of_bucket) = self.held.get_mut(key) else { return };
        if let Some(held) = of_bucket.get_mut(&worker.name) {
            held.said_at = Instant::now();
            if held.count != count {
                self.unheard.insert(entry);
                return;
            }
            if count == 0 {
                of_bucket.remove(&worker.name);
            }
            self.unheard.remove(&entry);
        }
        if of_bucket.is_empty() {
            self.held.remove(key);
        }
    }

    /// What was said of a worker's places counts for nothing, since another process speaks for it, or
    /// nobody knows why: it is said again after a while.
    pub(super) fn passed_over(&mut self, key: &Arc<[u8]>, worker: &WorkerName) {
        let count = self.of_worker(key, worker);
        self.heard(key, worker, count);
    }

    /// The store may have lost what it heard.
    pub(super) fn say_all_again(&mut self) {
        for (key, of_bucket) in &self.held {
            self.unheard.extend(of_bucket.keys().map(|worker| (Arc::clone(key), *worker)));
        }
    }

    /// Nobody knows whether the store heard it.
    pub(super) fn unheard(&mut self, key: &Arc<[u8]>, worker: &Arc<WorkerName>, max: NonZeroU64) {
        let of_bucket = self.held.entry(Arc::clone(key)).or_default();
        let new = || Held { worker: Arc::clone(worker), count: 0, max, said_at: Instant::now() };
        of_bucket.entry(worker.name).or_insert_with(new);
        self.unheard.insert((Arc::clone(key), worker.name));
    }
}
