//! A short memory of refusals, for clients whose lane is full.
//!
//! Below that every request asks: a refusal is no cache of what the control plane would say.

use super::lanes::{LANES, Lane};
use crate::{clock::Micros, reply::Refused};

/// How long a refusal answers for further requests of its client.
const REMEMBERED_MS: u64 = 100;

/// The last refusal in each lane.
#[derive(Debug)]
pub(super) struct Refusals {
    by_lane: Vec<Option<Refusal>>,
}

#[derive(Debug)]
struct Refusal {
    client_id: String,
    refused: Refused,
    at: Micros,
}

impl Refusals {
    pub(super) fn new() -> Self {
        Self { by_lane: (0..LANES).map(|_| None).collect() }
    }

    /// A client was refused. One that could never pass says nothing of its other requests.
    pub(super) fn remember(&mut self, lane: Lane, client_id: &str, refused: &Refused, at: Micros) {
        if refused.retry_after_ms.is_none() {
            return;
        }
        if let Some(slot) = self.by_lane.get_mut(lane.index()) {
            *slot = Some(Refusal { client_id: client_id.to_owned(), refused: *refused, at });
        }
    }

    /// A client was admitted: its refusal is no longer its last answer.
    pub(super) fn forget(&mut self, lane: Lane, client_id: &str) {
        if let Some(slot) = self.by_lane.get_mut(lane.index())
            && slot.as_ref().is_some_and(|refusal| refusal.client_id == client_id)
        {
            *slot = None;
        }
    }

    /// The client's last refusal, with the wait that is left of it.
    pub(super) fn last(&self, lane: Lane, client_id: &str, now: Micros) -> Option<Refused> {
        let refusal = self.by_lane.get(lane.index())?.as_ref()?;
        if refusal.client_id != client_id {
            return None;
        }
        let passed_ms = now.since(refusal.at) / 1_000;
        let wait_ms = refusal.refused.retry_after_ms?.checked_sub(passed_ms)?;
        (passed_ms <= REMEMBERED_MS && wait_ms > 0)
            .then_some(Refused { retry_after_ms: Some(wait_ms), ..refusal.refused })
    }
}

#[cfg(test)]
mod tests {
    use limiter::Dimension;

    use super::{super::lanes::Lanes, *};
    use crate::standing::Standing;

    fn refused(retry_after_ms: impl Into<Option<u64>>) -> Refused {
        Refused {
            limit: Dimension::Rpm,
            retry_after_ms: retry_after_ms.into(),
            standing: Standing::default(),
            requested_tokens: 1,
        }
    }

    fn after_ms(ms: u64) -> Micros {
        Micros(ms * 1_000)
    }

    fn check(remembered: Refused, asked_by: &str, at_ms: u64, wait_ms: Option<u64>) {
        let lane = Lanes::new(1).of("a");
        let mut refusals = Refusals::new();
        refusals.remember(lane, "a", &remembered, Micros(0));
        let last = refusals.last(lane, asked_by, after_ms(at_ms));
        assert_eq!(last.map(|refused| refused.retry_after_ms), wait_ms.map(Some), "{at_ms} ms");
    }

    #[test]
    fn a_refusal_answers_for_its_client_with_the_wait_that_is_left() {
        check(refused(1_000), "a", 0, Some(1_000));
        check(refused(1_000), "a", 100, Some(900));
        check(refused(1_000), "a", 101, None);
        check(refused(50), "a", 49, Some(1));
        check(refused(50), "a", 50, None);
        check(refused(1_000), "b", 0, None);
        check(refused(None), "a", 0, None);
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
