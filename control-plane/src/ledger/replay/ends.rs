//! How requests end there.

use limiter::UnixMillis;

use super::{pairs::Whose, twin::Twin, under_way::Open};
use crate::ledger::{
    charges::{Charges, Held},
    cost::Cost,
    slot_key::SlotKey,
};

impl Twin<'_> {
    /// Who passes and was refused then has no end that is known. It counts with what it reserved, and
    /// keeps a place for as long as its client's requests took by then; where none has ended yet, as
    /// everybody's did.
    pub(super) fn hold(&mut self, number: u64, open: Open, has_end: bool) {
        let mut ends_at = None;
        if !has_end {
            if !open.charges.beside.iter().any(|(_, held)| *held == Held::Place) {
                return;
            }
            let of_client = self.clients.tallies.get(open.tally).map_or((0, 0), |tally| tally.took);
            let (count, sum) = if of_client.0 > 0 { of_client } else { self.under_way.took };
            let took_ms = sum.checked_div(count).unwrap_or(0);
            ends_at = Some(open.asked.0.saturating_add(took_ms));
        }
        self.under_way.begin(number, open, ends_at);
    }

    pub(super) fn end_unended(&mut self, now: UnixMillis) {
        while let Some((open, at)) = self.under_way.end_due(now) {
            let (cost, whose) = (Some(Cost::RequestAnd(open.reserved)), open.whose);
            self.end_open(open, cost, whose, at);
        }
    }

    pub(super) fn end(
        &mut self,
        number: u64,
        cost: Option<Cost>,
        stranger: Option<u32>,
        now: UnixMillis,
    ) {
        let Some(open) = self.under_way.end(number) else { return };
        let took_ms = now.0.saturating_sub(open.asked.0);
        let of_client = self.clients.tallies.get_mut(open.tally).map(|tally| &mut tally.took);
        for (count, sum) in of_client.into_iter().chain([&mut self.under_way.took]) {
            *count += 1;
            *sum += took_ms;
        }
        // Of a stranger it is known who it was when it ended.
        let whose = match open.whose {
            Some(Whose::Client(client)) => Some(Whose::Client(client)),
            Some(Whose::Stranger(_)) | None => stranger.map(Whose::Stranger),
        };
        self.end_open(open, cost, whose, now);
    }

    fn end_open(&mut self, open: Open, cost: Option<Cost>, whose: Option<Whose>, now: UnixMillis) {
        let is_its = |then| self.clients.of(then).is_some_and(|known| known.slot.is_some());
        let slot = open.then.is_none_or(is_its).then_some(open.slot);
        let charges = self.shared.still_held(open.charges, open.remakes);
        self.as_stranger(whose, |twin| twin.ledger.end_again(slot, &charges, cost, now));
    }

    /// A request that asked before all that is gone through.
    pub(super) fn end_older(
        &mut self,
        slot: SlotKey,
        charges: &Charges,
        cost: Option<Cost>,
        stranger: Option<u32>,
        now: UnixMillis,
    ) {
        let there = self.clients.of(slot).and_then(|known| known.slot);
        let charges = self.charges_there(charges);
        self.as_stranger(stranger.map(Whose::Stranger), |twin| {
            twin.ledger.end_again(there, &charges, cost, now);
        });
    }
}
