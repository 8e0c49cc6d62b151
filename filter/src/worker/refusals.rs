//! A short memory of refusals, for clients whose lane is full.
//!
//! Below that every request asks: a refusal is no cache of what the control plane would say.

use std::fmt;

use limiter::Wait;
use proto::decision::{Ask, ask};

use super::{
    identify::Named,
    lanes::{LANES, Lane},
};
use crate::{
    clock::Micros,
    identity::bytes_of,
    verdict::{Limit, Refusal},
};

/// How long a refusal answers for further requests of its client.
const REMEMBERED_MS: u64 = 100;

/// The client that was refused.
#[derive(Clone, Debug)]
pub(super) struct Client {
    /// As it asked, where it was believed.
    own: String,
    named: Named,
}

impl Client {
    fn of(ask: &Ask, named: &Named) -> Self {
        let own = match &ask.who {
            Some(ask::Who::ClientId(id)) => id.clone(),
            Some(ask::Who::Key(_) | ask::Who::Identity(_)) | None => String::new(),
        };
        Self { own, named: named.clone() }
    }

    /// Its id.
    pub(super) fn id(&self) -> &str {
        self.named.id().unwrap_or(&self.own)
    }

    /// As the verdict has named it.
    pub(super) fn named(&self) -> &Named {
        &self.named
    }
}

/// The last refusal in each lane.
#[derive(Debug)]
pub(super) struct Refusals {
    by_lane: Vec<Option<Remembered>>,
}

struct Remembered {
    /// Who asked, as [`Who::as_bytes`](crate::identity::Who::as_bytes) has it.
    who: Vec<u8>,
    client: Client,
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
    pub(super) fn remember(
        &mut self,
        lane: Lane,
        ask: &Ask,
        named: &Named,
        refusal: &Refusal,
        at: Micros,
    ) {
        if refusal.wait == Wait::Never {
            return;
        }
        if let Some(slot) = self.by_lane.get_mut(lane.index()) {
            let who = bytes_of(ask.who.as_ref()).to_vec();
            let (client, model) = (Client::of(ask, named), ask.model.clone());
            *slot = Some(Remembered { who, client, model, refusal: refusal.clone(), at });
        }
    }

    /// A client was admitted: its refusal is no longer its last answer.
    pub(super) fn forget(&mut self, lane: Lane, ask: &Ask) {
        if let Some(slot) = self.by_lane.get_mut(lane.index())
            && slot.as_ref().is_some_and(|last| last.is_for(bytes_of(ask.who.as_ref()), &ask.model))
        {
            *slot = None;
        }
    }

    /// The last refusal of the client's requests for this model, with the wait that is left of it, and
    /// who that client is.
    pub(super) fn last(
        &self,
        lane: Lane,
        who: &[u8],
        model: Option<&str>,
        now: Micros,
    ) -> Option<(Client, Refusal)> {
        let remembered = self.by_lane.get(lane.index())?.as_ref()?;
        if !remembered.is_for(who, model.unwrap_or_default()) {
            return None;
        }
        let passed_ms = now.since(remembered.at) / 1_000;
        let Wait::Millis(wait_ms) = remembered.refusal.wait else { return None };
        let left_ms = wait_ms.checked_sub(passed_ms)?;
        (passed_ms <= REMEMBERED_MS && left_ms > 0).then(|| {
            let refusal = Refusal { wait: Wait::Millis(left_ms), ..remembered.refusal.clone() };
            (remembered.client.clone(), refusal)
        })
    }
}

/// Whoever knows a digest can ask in its name, so nothing shows it.
impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Remembered").field(&self.client).field(&self.at).finish()
    }
}

impl Remembered {
    /// Whether it says something of the client's requests for this model. A client's own limits are
    /// for all of its requests; others may be for those of one model alone.
    fn is_for(&self, who: &[u8], model: &str) -> bool {
        let is_for_model = match self.refusal.shortage.limit() {
            Limit::Own(_) => true,
            Limit::Named(_) => self.model == model,
        };
        self.who == who && is_for_model
    }
}

#[cfg(test)]
mod tests {
    use super::{super::lanes::Lanes, *};
    use crate::verdict::{Balance, Shortage, Tightest};

    fn ask(client_id: &str, model: &str) -> Ask {
        let who = Some(ask::Who::ClientId(client_id.to_owned()));
        Ask { who, model: model.to_owned(), ..Ask::default() }
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
        refusals.remember(lane, &ask("a", ""), &Named::NOBODY, remembered, Micros(0));
        let last = refusals.last(lane, asked_by.as_bytes(), Some("any"), after_ms(at_ms));
        assert_eq!(last.map(|(_, refusal)| refusal.wait), wait_ms.map(Wait::Millis), "{at_ms} ms");
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
        refusals.remember(lane, &ask("a", ""), &Named::NOBODY, &refused(1_000), Micros(0));
        refusals.forget(lane, &ask("b", ""));
        assert!(refusals.last(lane, b"a", None, Micros(0)).is_some());
        refusals.forget(lane, &ask("a", "any"));
        assert!(refusals.last(lane, b"a", None, Micros(0)).is_none());
    }

    #[test]
    fn a_refusal_by_another_limit_answers_for_the_same_model_alone() {
        let lane = Lanes::new(1).of("a");
        let mut refusals = Refusals::new();
        let by_model =
            Refusal { shortage: Shortage::Tokens(SPENT.named("per-model", 60)), ..refused(1_000) };
        refusals.remember(lane, &ask("a", "large"), &Named::NOBODY, &by_model, Micros(0));
        assert!(refusals.last(lane, b"a", Some("large"), Micros(0)).is_some());
        for other in [Some("small"), None] {
            assert!(refusals.last(lane, b"a", other, Micros(0)).is_none(), "{other:?}");
        }
        refusals.forget(lane, &ask("a", "small"));
        assert!(refusals.last(lane, b"a", Some("large"), Micros(0)).is_some());
        refusals.forget(lane, &ask("a", "large"));
        assert!(refusals.last(lane, b"a", Some("large"), Micros(0)).is_none());
    }
}
