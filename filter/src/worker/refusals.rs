//! A short memory of refusals, for clients whose lane is full.
//!
//! Below that every request asks: a refusal is no cache of what the control plane would say.

use limiter::Wait;
use proto::decision::Ask;

use super::lanes::{LANES, Lane};
use crate::{
    clock::Micros,
    verdict::{Limit, Refusal},
};

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
    /// As the request named it; empty: it named none.
    model: String,
    refusal: Refusal,
    at: Micros,
}

impl Refusals {
    pub(super) fn new() -> Self {
        Self { by_lane: (0..LANES).map(|_| None).collect() }
    }

    /// A client was refused. One that could never pass says nothing of its other requests.
    pub(super) fn remember(&mut self, lane: Lane, ask: &Ask, refusal: &Refusal, at: Micros) {
        if refusal.wait == Wait::Never {
            return;
        }
        if let Some(slot) = self.by_lane.get_mut(lane.index()) {
            let (client_id, model) = (ask.client_id.clone(), ask.model.clone());
            *slot = Some(Remembered { client_id, model, refusal: refusal.clone(), at });
        }
    }

    /// A client was admitted: its refusal is no longer its last answer.
    pub(super) fn forget(&mut self, lane: Lane, ask: &Ask) {
        if let Some(slot) = self.by_lane.get_mut(lane.index())
            && slot.as_ref().is_some_and(|last| last.is_for(&ask.client_id, &ask.model))
        {
            *slot = None;
        }
    }

    /// The last refusal of the client's requests for this model, with the wait that is left of it.
    pub(super) fn last(
        &self,
        lane: Lane,
        client_id: &str,
        model: Option<&str>,
        now: Micros,
    ) -> Option<Refusal> {
        let remembered = self.by_lane.get(lane.index())?.as_ref()?;
        if !remembered.is_for(client_id, model.unwrap_or_default()) {
            return None;
        }
        let passed_ms = now.since(remembered.at) / 1_000;
        let Wait::Millis(wait_ms) = remembered.refusal.wait else { return None };
        let left_ms = wait_ms.checked_sub(passed_ms)?;
        (passed_ms <= REMEMBERED_MS && left_ms > 0)
            .then(|| Refusal { wait: Wait::Millis(left_ms), ..remembered.refusal.clone() })
    }
}

impl Remembered {
    /// Whether it says something of the client's requests for this model. A client's own limits are
    /// for all of its requests; others may be for those of one model alone.
    fn is_for(&self, client_id: &str, model: &str) -> bool {
        let is_for_model = match self.refusal.shortage.limit() {
            Limit::Own(_) => true,
            Limit::Named(_) => self.model == model,
        };
        self.client_id == client_id && is_for_model
    }
}

#[cfg(test)]
mod tests {
    use super::{super::lanes::Lanes, *};
    use crate::verdict::{Balance, Shortage, Tightest};

    fn ask(client_id: &str, model: &str) -> Ask {
        Ask { client_id: client_id.to_owned(), model: model.to_owned(), ..Ask::default() }
    }

    const SPENT: Balance = Balance::own(1, 0, 1, 60_000);

    fn refusal(wait: Wait) -> Refusal {
        Refusal {
            shortage: Shortage::Requests(SPENT),
            tightest: Tightest::default(),
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

    fn check(remembered: &Refusal, asked_by: &str, at_ms: u64, wait_ms: Option<u64>) {
        let lane = Lanes::new(1).of("a");
        let mut refusals = Refusals::new();
        refusals.remember(lane, &ask("a", ""), remembered, Micros(0));
        let last = refusals.last(lane, asked_by, Some("any"), after_ms(at_ms));
        assert_eq!(last.map(|refusal| refusal.wait), wait_ms.map(Wait::Millis), "{at_ms} ms");
    }

    #[test]
    fn a_refusal_answers_for_its_client_with_the_wait_that_is_left() {
        check(&refused(1_000), "a", 0, Some(1_000));
        check(&refused(1_000), "a", 100, Some(900));
        check(&refused(1_000), "a", 101, None);
        check(&refused(50), "a", 49, Some(1));
        check(&refused(50), "a", 50, None);
        check(&refused(1_000), "b", 0, None);
        check(&refusal(Wait::Never), "a", 0, None);
    }

    #[test]
    fn an_admission_ends_it_for_its_client_alone() {
        let lane = Lanes::new(1).of("a");
        let mut refusals = Refusals::new();
        refusals.remember(lane, &ask("a", ""), &refused(1_000), Micros(0));
        refusals.forget(lane, &ask("b", ""));
        assert!(refusals.last(lane, "a", None, Micros(0)).is_some());
        refusals.forget(lane, &ask("a", "any"));
        assert!(refusals.last(lane, "a", None, Micros(0)).is_none());
    }

    #[test]
    fn a_refusal_by_another_limit_answers_for_the_same_model_alone() {
        let lane = Lanes::new(1).of("a");
        let mut refusals = Refusals::new();
        let by_model =
            Refusal { shortage: Shortage::Tokens(SPENT.named("per-model", 60)), ..refused(1_000) };
        refusals.remember(lane, &ask("a", "large"), &by_model, Micros(0));
        assert!(refusals.last(lane, "a", Some("large"), Micros(0)).is_some());
        for other in [Some("small"), None] {
            assert!(refusals.last(lane, "a", other, Micros(0)).is_none(), "{other:?}");
        }
        refusals.forget(lane, &ask("a", "small"));
        assert!(refusals.last(lane, "a", Some("large"), Micros(0)).is_some());
        refusals.forget(lane, &ask("a", "large"));
        assert!(refusals.last(lane, "a", Some("large"), Micros(0)).is_none());
    }
}
