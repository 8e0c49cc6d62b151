//! The end of a run: nothing goes wrong any more, all requests come to their ends, and nobody may
//! hold anything.

use super::World;
use crate::edge::SECOND;
use crate::{
    oracle::{End, Ended},
    queue::Micros,
};

/// All requests have come to their ends by then.
const LAST_REQUESTS: Micros = 8 * SECOND;

/// Longer than a process is away, and a stream takes to be found dead.
const LAST_FAULTS: Micros = 15 * SECOND;

impl World {
    pub(super) fn rest_begins(&self) -> Micros {
        self.edge.load_ends + SECOND
    }

    /// When a process has looked in vain for workers that do not come back, and all was resumed again.
    pub(super) fn run_ends(&self) -> Micros {
        let timeout = self.policy.resume.timeout_ms * 1_000;
        self.rest_begins() + LAST_REQUESTS + LAST_FAULTS + timeout
    }

    pub(super) fn come_to_rest(&mut self) {
        self.edge.come_to_rest();
        self.disk_recovers();
        // A death that is planned comes no more.
        self.disk.memory.dies_after(u64::MAX / 2, 0);
        if self.process.is_none() {
            self.begin_process();
        }
    }

    pub(super) fn judge_rest(&mut self) {
        let held = self.process.as_ref().map_or(0, |process| process.ledger.held());
        self.edge.report.leaked += u64::try_from(held).unwrap_or(u64::MAX);
        if held > 0 || self.oracle.held() > 0 {
            let expected = self.oracle.held();
            self.edge.violated(format!(
                "{held} requests hold something at rest, by the oracle {expected}"
            ));
        }
        if self.process.as_ref().is_some_and(|process| !process.is_writing()) {
            self.edge
                .violated("what is decided is not written down, and the disk works".to_owned());
        }
        self.compare();
        self.judge_ends();
    }

    /// Each request that was admitted has ended once.
    fn judge_ends(&mut self) {
        let by_envoy = |ended: &Ended| (self.envoy_of[&ended.worker], ended.id);
        let mut ended: Vec<_> = self.ended.iter().map(by_envoy).collect();
        ended.sort_unstable();
        if let Some(twice) = ended.windows(2).find(|pair| pair[0] == pair[1]) {
            return self.edge.violated(format!("request {} ended twice", twice[0].1));
        }
        if self.has_forgotten() {
            return;
        }
        let missing =
            self.edge.admitted.iter().find(|request| ended.binary_search(request).is_err());
        if let Some((_, id)) = missing {
            return self.edge.violated(format!("request {id} was admitted, and never ended"));
        }
        let lost = self.ended.iter().find(|ended| {
            let envoy = self.envoy_of.get(&ended.worker).copied().unwrap_or(0);
            ended.end == End::Lost && !self.may_be_lost(envoy, **ended)
        });
        if let Some(lost) = lost {
            self.edge.violated(format!("{lost:?}, and its worker is there"));
        }
    }
}
