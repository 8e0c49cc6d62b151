//! One request, decided again.

use limiter::{Tokens, UnixMillis};

use crate::ledger::{
    Ask, Client, Ledger, Refusal, RequestKind, RetryAfter, charges::Charges, cost::Cost,
    decide::beset, slot_key::SlotKey,
};

/// A request as it was asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Again<'a> {
    pub(super) model: Option<&'a str>,
    pub(super) reserved: Tokens,
    /// Whether its end was waited for.
    pub(super) is_followed: bool,
    pub(super) in_shadow: bool,
}

impl Ledger {
    /// Decides over a request of `client`. What it holds until it ends, if it does.
    pub(super) fn decide_again(
        &self,
        client: &Client,
        is_configured: bool,
        again: Again<'_>,
        now: UnixMillis,
    ) -> Result<Option<(SlotKey, Charges)>, Refusal> {
        let Again { model, reserved, is_followed, in_shadow } = again;
        let ask = Ask { id: 0, client: "", estimate: None, kind: RequestKind::Generates, model };
        let retry_after = match self.policy.retry_after {
            RetryAfter::Spread if is_configured && !in_shadow => RetryAfter::Spread,
            RetryAfter::Spread | RetryAfter::Exact => RetryAfter::Exact,
        };
        let slot = client.entry.slot.get_or_take(&self.slots, &client.id);
        let mut pen = self.journal.pen();
        let mut books = self.slots.books(slot);
        let applied = client.entry.class.applied();
        let request = beset(client, applied.as_ref(), &ask, reserved);
        let charges = if request.rows.is_empty() {
            books.balances.decide(request.limits, reserved, retry_after, now)?
        } else {
            let said = (retry_after, in_shadow);
            self.decide_together(&mut books, request, said, &mut pen, now).outcome?
        };
        if is_followed {
            return Ok(Some((books.key(slot), charges)));
        }
        let no_place = request.no_place().map(|(_, refusal)| refusal);
        let cost = no_place.as_ref().map(|_| Cost::Nothing);
        self.end_charges(Some(&mut books), &charges, cost, &mut pen, now);
        no_place.map_or(Ok(None), Err)
    }

    /// Ends a request that was decided again.
    pub(super) fn end_again(
        &self,
        slot: Option<SlotKey>,
        charges: &Charges,
        cost: Option<Cost>,
        now: UnixMillis,
    ) {
        let mut pen = self.journal.pen();
        let mut books = slot.and_then(|slot| self.slots.books_of(slot));
        self.end_charges(books.as_deref_mut(), charges, cost, &mut pen, now);
    }
}
