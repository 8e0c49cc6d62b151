//! All workers: who comes, who goes, and who does not come back.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use limiter::{Tokens, UnixMillis};
use parking_lot::Mutex;

use super::{End, Ledger, Reservation, Worker, WorkerId, worker::HELD_MAX};

/// How many requests of all workers together are followed to their end, some 150 MB.
const HELD_IN_ALL_MAX: usize = 1_000_000;

/// How many requests are given up in one go.
const GIVEN_UP_MAX: usize = 1_024;

/// The workers that have a stream, hold something, or have not been told something yet.
#[derive(Debug, Default)]
pub(super) struct Workers {
    by_id: Mutex<HashMap<WorkerId, Arc<Worker>>>,
    held_in_all: AtomicUsize,
}

/// A request that has ended, as its worker told or because the worker did not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its number among those of its worker.
    pub id: u32,
    /// How.
    pub end: End,
    /// The tokens that it had reserved.
    pub reserved: Tokens,
}

impl Workers {
    /// All of them, in the order of their names.
    pub(super) fn all(&self) -> Vec<Arc<Worker>> {
        let mut all: Vec<_> = self.by_id.lock().values().cloned().collect();
        all.sort_unstable_by_key(|worker| worker.id().0);
        all
    }

    pub(super) fn get(&self, id: WorkerId) -> Option<Arc<Worker>> {
        self.by_id.lock().get(&id).cloned()
    }

    /// A worker of that name, which is made now when there is none.
    pub(super) fn get_or_make(&self, id: WorkerId) -> Arc<Worker> {
        Arc::clone(self.by_id.lock().entry(id).or_insert_with(|| Arc::new(Worker::new(id))))
    }

    /// Nobody has to know a worker any more that is still away for so long. One that has come back
    /// meanwhile stays: what it holds on its stream would be nobody's to look after.
    fn let_go(&self, worker: &Worker, is_given_up: impl Fn(UnixMillis) -> bool) {
        let mut by_id = self.by_id.lock();
        let is_away = worker.lock().away_since.is_some_and(is_given_up);
        if is_away {
            by_id.remove(&worker.id());
        }
    }

    /// Whether one more request of a worker that holds `held` can be followed.
    pub(super) fn take_place(&self, held: usize) -> bool {
        if held >= HELD_MAX {
            return false;
        }
        let before = self.held_in_all.fetch_add(1, Ordering::Relaxed);
        if before >= HELD_IN_ALL_MAX {
            self.give_back(1);
        }
        before < HELD_IN_ALL_MAX
    }

    pub(super) fn give_back(&self, places: usize) {
        self.held_in_all.fetch_sub(places, Ordering::Relaxed);
    }
}

impl Ledger {
    /// Whether the stream of this number may be the worker's: none with a higher one has come before,
    /// whose frames it would come after.
    pub fn begin_stream(&self, id: WorkerId, number: u64) -> bool {
        self.workers.get_or_make(id).lock().begin_stream(number)
    }

    /// A worker has a stream. One of a name that is not known is new, and holds nothing.
    pub fn join(&self, id: WorkerId) -> Arc<Worker> {
        let worker = self.workers.get_or_make(id);
        worker.lock().away_since = None;
        worker
    }

    /// A worker has no stream any more. What it holds waits for it to come back.
    pub fn leave(&self, worker: &Worker) {
        let mut by_id = self.workers.by_id.lock();
        let mut held = worker.lock();
        if held.can_be_forgotten() {
            by_id.remove(&worker.id());
        } else {
            held.away_since = Some(self.clock.now());
        }
    }

    /// A worker has come back and holds these requests, and nothing else. What is held for it beyond
    /// these is given back where it was never told, and stands otherwise.
    pub async fn resume(&self, worker: &Worker, named: &HashSet<u32>) -> Vec<Ended> {
        let ends = {
            let held = worker.lock();
            let unnamed = held.reservations.keys().filter(|id| !named.contains(id));
            let end = |id: &u32| if held.is_untold(*id) { End::Canceled } else { End::Lost };
            unnamed.map(|id| (*id, end(id))).collect::<Vec<_>>()
        };
        let mut ended = Vec::new();
        for ends in ends.chunks(GIVEN_UP_MAX) {
            ended.extend(self.end(worker, ends.to_vec()).await);
        }
        worker.lock().come_back();
        ended
    }

    /// Ends what workers hold that have been away for too long: nobody will know what became of it.
    /// Of very much it is a part, so that nobody waits for all of it; the next call ends the next.
    pub async fn give_up_on_absent_workers(&self) -> Vec<Ended> {
        let now = self.clock.now();
        let patience_ms = self.policy.resume.timeout_ms;
        let is_given_up = |since: UnixMillis| now.0.saturating_sub(since.0) >= patience_ms;
        let mut ended = Vec::new();
        for worker in self.workers.all() {
            if !worker.lock().away_since.is_some_and(is_given_up) {
                continue;
            }
            if let Some(replica) = &self.replica
                && worker.held() > 0
            {
                match self.has_gone_elsewhere(replica, &worker).await {
                    Ok(false) => {}
                    // It may have come back while the store was asked.
                    Ok(true) if worker.lock().away_since.is_some_and(is_given_up) => {
                        self.forget(replica, &worker);
                        self.workers.let_go(&worker, is_given_up);
                        continue;
                    }
                    // The store will tell when it is back.
                    Ok(true) | Err(_) => continue,
                }
            }
            let ids: Vec<_> = {
                let held = worker.lock();
                held.reservations.keys().copied().take(GIVEN_UP_MAX - ended.len()).collect()
            };
            let ends = ids.into_iter().map(|id| (id, End::Lost)).collect();
            ended.extend(self.end(&worker, ends).await);
            if worker.held() > 0 {
                break;
            }
            self.workers.let_go(&worker, is_given_up);
        }
        self.commit();
        ended
    }

    /// How many requests hold something.
    pub fn held(&self) -> usize {
        self.workers.held_in_all.load(Ordering::Relaxed)
    }

    /// How many requests of this worker do.
    pub fn held_by(&self, worker: WorkerId) -> usize {
        self.workers.get(worker).map_or(0, |worker| worker.held())
    }

    /// How many workers hold something.
    pub fn holders(&self) -> usize {
        let workers = self.workers.all();
        workers.iter().filter(|worker| !worker.lock().reservations.is_empty()).count()
    }

    /// Takes back what was read from the files.
    ///
    /// The answer is what is not held: what was read before of the same request, or this where there are
    /// too many.
    pub(super) fn hold_again(
        &self,
        id: WorkerId,
        request: u32,
        reservation: Reservation,
    ) -> Option<Reservation> {
        let worker = self.workers.get_or_make(id);
        let mut held = worker.lock();
        if !self.workers.take_place(held.reservations.len()) {
            return Some(reservation);
        }
        held.away_since.get_or_insert(self.clock.now());
        let replaced = held.reservations.insert(request, reservation);
        if replaced.is_some() {
            self.workers.give_back(1);
        }
        replaced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shared store is asked in between, which takes its time.
    #[test]
    fn a_worker_that_comes_back_while_it_is_given_up_stays_known() {
        let (workers, id) = (Workers::default(), WorkerId(7));
        let worker = workers.get_or_make(id);
        workers.let_go(&worker, |_| true);
        assert!(workers.get(id).is_some(), "it has a stream");
        worker.lock().away_since = Some(UnixMillis(1));
        workers.let_go(&worker, |_| false);
        assert!(workers.get(id).is_some(), "it went away once more");
        workers.let_go(&worker, |_| true);
        assert!(workers.get(id).is_none());
    }

    #[test]
    fn no_more_is_followed_than_a_worker_and_all_of_them_together_may_hold() {
        let workers = Workers::default();
        assert!(workers.take_place(HELD_MAX - 1));
        assert!(!workers.take_place(HELD_MAX), "a worker holds no more");
        workers.held_in_all.store(HELD_IN_ALL_MAX - 1, Ordering::Relaxed);
        assert!(workers.take_place(0));
        for _ in 0..3 {
            assert!(!workers.take_place(0), "all of them hold no more");
        }
        workers.give_back(1);
        assert!(workers.take_place(0), "one has ended");
    }
}
