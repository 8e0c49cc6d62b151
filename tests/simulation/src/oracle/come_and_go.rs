//! Workers come, go, come back and say what they hold.

use super::{Decision, End, Ended, Name, Oracle, worker::Worker};

impl Oracle {
    /// A worker says hello on its stream of this number; whether that is not overtaken.
    pub(crate) fn hello(&mut self, worker: Name, stream: u64) -> bool {
        let worker = self.workers.entry(worker).or_default();
        let is_newest = stream >= worker.newest_stream;
        worker.newest_stream = worker.newest_stream.max(stream);
        is_newest
    }

    /// A worker has a stream.
    pub(crate) fn join(&mut self, worker: Name) {
        self.workers.entry(worker).or_default().away_since = None;
    }

    /// It has none any more.
    pub(crate) fn leave(&mut self, worker: Name, now: u64) {
        let is_needless = |worker: &Worker| {
            worker.held.is_empty() && worker.untold.is_empty() && worker.newest_stream <= 1
        };
        if self.workers.get(&worker).is_some_and(is_needless) {
            self.workers.remove(&worker);
        } else if let Some(worker) = self.workers.get_mut(&worker) {
            worker.away_since = Some(now);
        }
    }

    /// What was decided is on its way to the worker.
    pub(crate) fn told(&mut self, worker: Name) {
        if let Some(worker) = self.workers.get_mut(&worker) {
            worker.untold.clear();
        }
    }

    /// A worker has come back, and says all that it holds.
    pub(crate) fn resume(&mut self, worker: Name, ids: &[u32], now: u64) -> Vec<Ended> {
        let known = self.workers.entry(worker).or_default();
        let unnamed: Vec<_> = known.held.keys().filter(|id| !ids.contains(id)).copied().collect();
        let was_told = |id: &u32| !known.untold.iter().any(|(untold, _)| untold == id);
        let ends: Vec<_> = unnamed
            .into_iter()
            .map(|id| (id, if was_told(&id) { End::Lost } else { End::Canceled }))
            .collect();
        let untold = known.untold.drain(..);
        known.to_repeat.extend(untold.filter(|(_, answer)| answer.decision != Decision::Admitted));
        ends.into_iter().filter_map(|(id, end)| self.end(worker, id, end, now)).collect()
    }

    /// Gives up on workers that have been away for too long.
    pub(crate) fn give_up(&mut self, now: u64) -> Vec<Ended> {
        let timeout_ms = self.resume_timeout_ms;
        let is_gone = |worker: &Worker| {
            worker.away_since.is_some_and(|since| now.saturating_sub(since) >= timeout_ms)
        };
        let gone = self.workers.iter().filter(|(_, worker)| is_gone(worker));
        let gone: Vec<_> = gone.map(|(name, _)| *name).collect();
        let mut ended = Vec::new();
        for name in gone {
            let ids: Vec<_> = self.workers[&name].held.keys().copied().collect();
            ended.extend(ids.into_iter().filter_map(|id| self.end(name, id, End::Lost, now)));
            self.workers.remove(&name);
        }
        ended
    }
}
