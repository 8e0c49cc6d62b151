//! The end of a run: nothing goes wrong any more, all requests come to their ends, and nobody may hold
//! anything.

use std::time::Duration;

use super::{World, plane::PREFIX};
use crate::{edge::SECOND, queue::Micros, redis::Reply};

/// All requests have come to their ends by then, and workers that do not come back are given up.
const LAST: Micros = 20 * SECOND;

impl World {
    pub(super) fn rest_begins(&self) -> Micros {
        self.edge.load_ends + SECOND
    }

    /// What is said of places that nobody takes back any more ends after a minute of the store's clock.
    pub(super) fn run_ends(&self) -> Micros {
        let are_places_taken = self.model.now.places(self.redis.now_ms()) > 0;
        let leases = if are_places_taken { 65 * SECOND + self.model.set_back } else { 0 };
        self.rest_begins() + LAST + leases
    }

    pub(super) fn come_to_rest(&mut self) {
        self.edge.come_to_rest();
        self.redis.reach_all();
        self.redis.pause(false);
        // A replica that stays behind is a store that nobody may believe, which is to be away.
        self.redis.lag(Duration::ZERO);
    }

    /// Whether a worker has more than the number of its stream there, which is a field without a name.
    fn has_open_requests(&self, worker: &[u8]) -> bool {
        let all = self.redis.carry_out(&[b"HGETALL".to_vec(), worker.to_vec()]);
        let Reply::List(fields) = all else { return true };
        fields.iter().step_by(2).any(|name| !matches!(name, Reply::Bulk(name) if name.is_empty()))
    }

    pub(super) fn judge_rest(&mut self) {
        self.read_calls();
        for (number, plane) in &self.planes {
            // What it holds for others it keeps until the store tells whose it is.
            if plane.ledger().store_is_away() {
                let what = format!("the store is away for control plane {number} at rest");
                return self.edge.violated(what);
            }
            let held = plane.ledger().held();
            if held > 0 {
                self.edge.report.leaked += 1;
                let what = format!("control plane {number} holds {held} requests at rest");
                return self.edge.violated(what);
            }
        }
        let places = self.model.now.places(self.redis.now_ms());
        if places > 0 {
            self.edge.report.leaked += places;
            return self.edge.violated(format!("{places} places are taken at rest"));
        }
        // A store that lost an end that was acknowledged keeps what it knows of its request for a day.
        if !self.has_lost {
            let open = self.model.now.open();
            if let Some(request) = open.iter().find(|(worker, _)| *worker != 0) {
                return self.edge.violated(format!("{request:?} is open at rest"));
            }
            if let Some(request) = self.judge.open().next() {
                return self.edge.violated(format!("{request:?} was admitted and never ended"));
            }
            let workers = self.redis.keys_from(format!("{PREFIX}w:").as_bytes());
            if let Some(key) = workers.iter().find(|key| self.has_open_requests(key)) {
                let key = super::model::name(key);
                return self.edge.violated(format!("the store has {key} at rest"));
            }
        }
        if let Some(beyond) = self.judge.is_beyond() {
            self.edge.violated(beyond);
        }
    }
}
