//! A short memory of refusals, for clients whose lane is full.
//!
//! Below that every request asks: a refusal is no cache of what the control plane would say.

use limiter::Wait;

use super::lanes::{LANES, Lane};
use crate::{clock::Micros, verdict::Refusal};

/// How long a refusal answers for further requests of its client.
const REMEMBERED_MS: u64 = 100;

/// The last refusal in each lane.
#[derive(Debug)]
pub(super) struct Refusals {
    by_lane: Vec<Option<Remembered>>,
}

#[derive(Debug)]
struct Remembered {
    client_id: String,
    refusal: Refusal,
    at: Micros,
}

impl Refusals {
    pub(super) fn new() -> Self {
        Self { by_lane: (0..LANES).map(|_| None).collect() }
    }

    /// A client was refused. One that could never pass says nothing of its other requests.
    pub(super) fn remember(&mut self, lane: Lane, client_id: &str, refusal: &Refusal, at: Micros) {
        if refusal.wait == Wait::Never {
            return;
        }
        if let Some(slot) = self.by_lane.get_mut(lane.index()) {
            *slot = Some(Remembered { client_id: client_id.to_owned(), refusal: *refusal, at });
        }
    }

    /// A client was admitted: its refusal is no longer its last answer.
    pub(super) fn forget(&mut self, lane: Lane, client_id: &str) {
        if let Some(slot) = self.by_lane.get_mut(lane.index())
            && slot.as_ref().is_some_and(|remembered| remembered.client_id == client_id)
        {
            *slot = None;
        }
    }

    /// The client's last refusal, with the wait that is left of it.
    pub(super) fn last(&self, lane: Lane, client_id: &str, now: Micros) -> Option<Refusal> {
        let remembered = self.by_lane.get(lane.index())?.as_ref()?;
        if remembered.client_id != client_id {
            return None;
        }
        let passed_ms = now.since(remembered.at) / 1_000;
        let Wait::Millis(wait_ms) = remembered.refusal.wait else { return None };
        let left_ms = wait_ms.checked_sub(passed_ms)?;
        (passed_ms <= REMEMBERED_MS && left_ms > 0)
            .then_some(Refusal { wait: Wait::Millis(left_ms), ..remembered.refusal })
    }
}

#[cfg(test)]
mod tests {
    use limiter::Dimension;

    use super::{super::lanes::Lanes, *};
    use crate::verdict::Balance;

    fn refusal(wait: Wait) -> Refusal {
        Refusal {
            limit: Dimension::Rpm,
            balance: Balance { limit: 1, remaining: 0, used: 1, full_in_ms: 60_000 },
            other: None,
            wait,
            requested_tokens: 1,
        }
    }

    fn refused(wait_ms: u64) -> Refusal {
        refusal(Wait::Millis(wait_ms))
    }

    fn after_ms(ms: u64) -> Micros {
        Micros(ms * 1_000)
    }

    fn check(remembered: Refusal, asked_by: &str, at_ms: u64, wait_ms: Option<u64>) {
        let lane = Lanes::new(1).of("a");
        let mut refusals = Refusals::new();
        refusals.remember(lane, "a", &remembered, Micros(0));
        let last = refusals.last(lane, asked_by, after_ms(at_ms));
        assert_eq!(last.map(|refusal| refusal.wait), wait_ms.map(Wait::Millis), "{at_ms} ms");
    }

    #[test]
    fn a_refusal_answers_for_its_client_with_the_wait_that_is_left() {
        check(refused(1_000), "a", 0, Some(1_000));
        check(refused(1_000), "a", 100, Some(900));
        check(refused(1_000), "a", 101, None);
        check(refused(50), "a", 49, Some(1));
        check(refused(50), "a", 50, None);
        check(refused(1_000), "b", 0, None);
        check(refusal(Wait::Never), "a", 0, None);
    }

    #[test]
    fn an_admission_ends_it_for_its_client_alone() {
        let lane = Lanes::new(1).of("a");
        let mut refusals = Refusals::new();
        refusals.remember(lane, "a", &refused(1_000), Micros(0));
        refusals.forget(lane, "b");
        assert!(refusals.last(lane, "a", Micros(0)).is_some());
        refusals.forget(lane, "a");
        assert!(refusals.last(lane, "a", Micros(0)).is_none());
    }
}
