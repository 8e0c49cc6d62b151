//! The only way out of the ledger: what a request holds ends once, in one of three ways.

use limiter::UnixMillis;

use super::{
    Ended, Ledger, Outcome, Reservation, Response, Unknown, Worker, WorkerId, charges::Charges,
    cost::Cost, journal::Pen, keys::BucketKey, policy::EstimateSource,
    record::Record as ClientRecord, slots::Books, strangers::PairStamp,
};
use crate::store::state::{EndedRecord, Record};

/// How an admitted request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was forwarded and is over: its charge is corrected to what it costs.
    Settled(Response),
    /// It was never forwarded: the whole charge is given back.
    Canceled,
    /// Nobody will know what became of it: its charge stands.
    Lost,
}

impl Ledger {
    /// Ends a worker's requests, and tells which of them were under way. It is written down with what
    /// is decided next, or by [`Ledger::commit`].
    pub async fn end(&self, worker: &Worker, ends: Vec<(u32, End)>) -> Vec<Ended> {
        match &self.replica {
            _ if ends.is_empty() => Vec::new(),
            None => self.end_here(worker, ends),
            Some(replica) => self.end_shared(replica, worker, ends).await,
        }
    }

    fn end_here(&self, worker: &Worker, ends: Vec<(u32, End)>) -> Vec<Ended> {
        let now = self.clock.now();
        let mut held = worker.lock();
        let mut pen = self.pen();
        let ended = ends.into_iter().filter_map(|(id, end)| {
            let reservation = held.reservations.remove(&id)?;
            pen.note(|| Record::Ended(EndedRecord { worker: worker.id().0, id }));
            let stranger = held.take_stranger(id);
            let cost = self.end_as_stranger(stranger.as_deref(), |mut pair| {
                if let Some(ring) = pen.ring() {
                    ring.begin(now);
                }
                // A client that was deleted still has its books, until it is forgotten.
                let mut books = self.slots.books_of(reservation.slot);
                if let Some(books) = &mut books {
                    pen.touch(reservation.slot.number());
                    self.look_at_ending(&reservation, books, pair.as_deref_mut(), &mut pen, now);
                }
                let cost = self.end_one(books.as_deref_mut(), &reservation, &end, &mut pen, now);
                if let Some(ring) = pen.ring() {
                    ring.ended(&reservation, cost, pair.map(|pair| pair.number), now);
                }
                cost
            });
            held.count_tokens_of_key(id, cost.map_or(reservation.reserved, Cost::tokens));
            Some(Ended { id, end, reserved: reservation.reserved })
        });
        let ended: Vec<_> = ended.collect();
        self.workers.give_back(ended.len());
        self.write_if_much(pen);
        ended
    }

    /// A request that was written down as open has ended before it was read again.
    pub(super) fn let_go(&self, worker: WorkerId, id: u32) {
        let known = self.workers.get(worker);
        if let Some(gone) = known.and_then(|worker| worker.lock().reservations.remove(&id)) {
            self.workers.give_back(1);
            self.give_places_back(&gone);
        }
    }

    /// The books of a request that is about to end.
    fn look_at_ending(
        &self,
        request: &Reservation,
        books: &mut Books,
        stranger: Option<&mut PairStamp>,
        pen: &mut Pen<'_>,
        now: UnixMillis,
    ) {
        let Some(ring) = pen.ring() else { return };
        let slot = request.slot.number();
        if ring.has_to_note(books) {
            let id = books.configured().cloned();
            let client = id.as_ref().and_then(|id| self.clients.get(id.as_str()));
            match (client, &self.unknown) {
                (Some(client), _) => ring.look_at(slot, books, Some(&client), now),
                (None, Unknown::Shared(unknown)) if unknown.entry.slot.get() == Some(slot) => {
                    ring.look_at(slot, books, Some(unknown), now);
                }
                (None, _) => ring.look_at(slot, books, None, now),
            }
        }
        if let Some(stranger) = stranger {
            ring.look_at_stranger(stranger, books, now);
        }
    }

    #[inline]
    fn end_one(
        &self,
        mut books: Option<&mut Books>,
        request: &Reservation,
        end: &End,
        pen: &mut Pen<'_>,
        now: UnixMillis,
    ) -> Option<Cost> {
        let cost = self.cost_of(request, end);
        self.end_charges(books.as_deref_mut(), &request.charges, cost, pen, now);
        if let Some(Books { record, .. }) = books {
            self.count_end(record, request, (end, cost), now);
        }
        cost
    }

    /// What a request costs that ended so; `None`: what it was charged stands.
    #[inline]
    pub(super) fn cost_of(&self, request: &Reservation, end: &End) -> Option<Cost> {
        match end {
            End::Settled(response) => {
                Some(response.cost(request.kind, request.reserved, &self.policy.charge))
            }
            End::Canceled => Some(Cost::Nothing),
            End::Lost => None,
        }
    }

    /// Counts a request that ended so.
    #[inline]
    pub(super) fn count_end(
        &self,
        record: &mut ClientRecord,
        request: &Reservation,
        (end, cost): (&End, Option<Cost>),
        now: UnixMillis,
    ) {
        match (end, cost) {
            (End::Settled(response), Some(cost)) => {
                record.settled(request.reserved, cost.tokens(), response.duration_us);
                // A response that was cut short used less than such requests do.
                if let (EstimateSource::Learned, Outcome::Completed, Some(used)) = (
                    self.policy.estimate.source,
                    response.outcome,
                    response.used(&self.policy.charge),
                ) {
                    record.learn(used, now);
                }
            }
            (End::Canceled, _) => record.canceled(),
            (End::Lost, _) | (End::Settled(_), None) => record.lost(request.reserved),
        }
    }

    /// Corrects all charges of a request to what it costs in the end; where that is not known they
    /// stand, but for the places that it took.
    #[inline]
    pub(super) fn end_charges(
        &self,
        mut books: Option<&mut Books>,
        charges: &Charges,
        cost: Option<Cost>,
        pen: &mut Pen<'_>,
        now: UnixMillis,
    ) {
        if let (Some(books), Some(cost)) = (books.as_deref_mut(), cost) {
            books.balances.settle(charges, cost, now);
        }
        if !charges.beside.is_empty() {
            self.end_charges_beside(books, charges, cost, pen, now);
        }
    }

    /// The same of limits beside the client's own two. Apart, so that what every request needs stays
    /// short enough to be inlined.
    #[inline(never)]
    fn end_charges_beside(
        &self,
        mut books: Option<&mut Books>,
        charges: &Charges,
        cost: Option<Cost>,
        pen: &mut Pen<'_>,
        now: UnixMillis,
    ) {
        for (key, held) in &charges.beside {
            match *key {
                BucketKey::Beside(key, part) => {
                    if let Some(books) = books.as_deref_mut() {
                        if let Some(named) = self.rules.changing()
                            && let Some(limit) = named.limit(key.limit)
                            && let Some(stocks) = books.balances.beside.get_mut(key)
                        {
                            limit.bring_up(stocks);
                        }
                        let held = (key, part, held);
                        books.balances.settle_beside(charges.epoch, held, cost, now);
                    }
                }
                BucketKey::Shared(key, part) => {
                    let Some(mut shared) = self.shared.books_of(key) else { continue };
                    if let Some(ring) = pen.ring() {
                        ring.look_at_shared(key, &mut shared, now);
                    }
                    if let Some(stock) = shared.stocks.get_mut(part) {
                        stock.settle(held, cost, now);
                        pen.touch_shared(key.number);
                    }
                }
            }
        }
    }
}
