//! Which workers have a stream, and since when those have none that had one.

use std::collections::BTreeMap;

use limiter::UnixMillis;
use serde::Serialize;

use super::{Events, Topic, event::Body, failure::Failure, figures::json};
use crate::{excerpt::Excerpt, ledger::WorkerId, rfc3339::rfc3339};

/// How many workers are told of to somebody who begins to listen, and how many are remembered that
/// went away: more than a control plane has connections for.
pub const WORKERS_MAX: usize = 1_024;

/// A worker, as whoever listens is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerSeen {
    /// Which it is. Of its name only the beginning is told.
    pub id: WorkerId,
    /// What its Envoy calls itself.
    pub node: Excerpt,
    /// What its filter does with what is refused.
    pub mode: &'static str,
    /// The release of its filter.
    pub version: String,
    /// By what its filter knows who asks.
    pub identity: &'static str,
}

/// A worker that has a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    /// The worker.
    pub worker: WorkerSeen,
    /// Since when it has it.
    pub since: UnixMillis,
}

#[derive(Debug, Default)]
pub(super) struct Workers {
    connected: BTreeMap<u128, Connected>,
    away_since: BTreeMap<u128, UnixMillis>,
}

#[derive(Serialize)]
pub(super) struct WorkerShape {
    worker: String,
    node: String,
    mode: &'static str,
    version: String,
}

#[derive(Serialize)]
struct Came<'a> {
    time: String,
    change: &'static str,
    #[serde(flatten)]
    worker: &'a WorkerShape,
    workers: usize,
}

impl From<&WorkerSeen> for WorkerShape {
    fn from(worker: &WorkerSeen) -> Self {
        Self {
            worker: worker.name(),
            node: worker.node.as_str().to_owned(),
            mode: worker.mode,
            version: worker.version.clone(),
        }
    }
}

impl WorkerSeen {
    /// The beginning of its name, which is told.
    pub fn name(&self) -> String {
        format!("{:?}", self.id).trim_end_matches('…').to_owned()
    }
}

impl Workers {
    /// Those that have a stream, as many as are told of.
    fn told(&self) -> impl Iterator<Item = &Connected> {
        self.connected.values().take(WORKERS_MAX)
    }

    /// The same as whoever listens is told of them.
    pub(super) fn shapes(&self) -> Vec<WorkerShape> {
        self.told().map(|connected| WorkerShape::from(&connected.worker)).collect()
    }

    fn went(&mut self, id: WorkerId, now: UnixMillis) -> Option<WorkerSeen> {
        let worker = self.connected.remove(&id.0)?.worker;
        if self.away_since.len() >= WORKERS_MAX {
            let oldest = self.away_since.iter().min_by_key(|(_, since)| since.0);
            if let Some(oldest) = oldest.map(|(id, _)| *id) {
                self.away_since.remove(&oldest);
            }
        }
        self.away_since.insert(id.0, now);
        Some(worker)
    }
}

impl Events {
    /// A worker has a stream.
    pub fn worker_came(&self, worker: &WorkerSeen) {
        let now = self.ledger().now();
        let mut workers = self.workers().lock();
        let connected = Connected { worker: worker.clone(), since: now };
        workers.connected.insert(worker.id.0, connected);
        let (count, away_since) =
            (workers.connected.len(), workers.away_since.remove(&worker.id.0));
        let shape = WorkerShape::from(worker);
        self.tell_worker("joined", &shape, count, now);
        // Where several control planes have the same balances it may have been with another one.
        if let Some(since) = away_since
            && !self.ledger().is_shared()
        {
            let failure = Failure {
                worker: Some(&shape.worker),
                node: Some(&shape.node),
                ..Failure::over("worker_away", since, Some(now))
            };
            self.publish(Topic::Failures, Body::One { about: None, json: json(&failure) });
        }
    }

    /// Which workers have one, by their names.
    pub fn connected(&self) -> Vec<Connected> {
        self.workers().lock().told().cloned().collect()
    }

    /// A worker has none any more.
    pub fn worker_went(&self, id: WorkerId) {
        let now = self.ledger().now();
        let mut workers = self.workers().lock();
        if let Some(worker) = workers.went(id, now) {
            let count = workers.connected.len();
            self.tell_worker("left", &WorkerShape::from(&worker), count, now);
        }
    }

    /// While the workers are locked, so that nobody is told in another order.
    fn tell_worker(
        &self,
        change: &'static str,
        worker: &WorkerShape,
        workers: usize,
        now: UnixMillis,
    ) {
        let time = rfc3339(now).unwrap_or_default();
        let json = json(&Came { time, change, worker, workers });
        self.publish(Topic::Workers, Body::One { about: None, json });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_that_went_away_are_remembered_up_to_a_bound_the_newest_longest() {
        let mut workers = Workers::default();
        for n in 0..3 * WORKERS_MAX as u64 {
            let seen = WorkerSeen {
                id: WorkerId(u128::from(n)),
                node: Excerpt::new("envoy"),
                mode: "enforce",
                version: "1".to_owned(),
                identity: "header",
            };
            let connected = Connected { worker: seen, since: UnixMillis(n) };
            workers.connected.insert(u128::from(n), connected);
            assert!(workers.went(WorkerId(u128::from(n)), UnixMillis(n)).is_some());
        }
        assert_eq!(workers.away_since.len(), WORKERS_MAX);
        assert!(workers.away_since.values().all(|since| since.0 >= 2 * WORKERS_MAX as u64));
    }
}
