//! The only way out of the ledger: what a request holds ends once, in one of three ways.

use limiter::UnixMillis;

use super::{
    Ended, Ledger, Outcome, Reservation, Response, Worker, WorkerId, cost::Cost,
    policy::EstimateSource, slots::Books,
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
    #[expect(clippy::unused_async, reason = "a store that is shared is a round trip away")]
    pub async fn end(&self, worker: &Worker, ends: Vec<(u32, End)>) -> Vec<Ended> {
        if ends.is_empty() {
            return Vec::new();
        }
        let now = self.clock.now();
        let mut held = worker.lock();
        let mut pen = self.journal.pen();
        let ended = ends.into_iter().filter_map(|(id, end)| {
            let reservation = held.reservations.remove(&id)?;
            pen.note(|| Record::Ended(EndedRecord { worker: worker.id().0, id }));
            // A client that was deleted still has its books, until it is forgotten.
            if let Some(mut books) = self.slots.books_of(reservation.slot) {
                pen.touch(reservation.slot.number());
                self.end_one(&mut books, &reservation, &end, now);
            }
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
        if known.is_some_and(|worker| worker.lock().reservations.remove(&id).is_some()) {
            self.workers.give_back(1);
        }
    }

    #[inline]
    fn end_one(&self, books: &mut Books, request: &Reservation, end: &End, now: UnixMillis) {
        let Books { balances, record, .. } = books;
        match end {
            End::Settled(response) => {
                let cost = response.cost(request.kind, request.reserved, &self.policy.charge);
                balances.settle(&request.charges, cost, now);
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
            End::Canceled => {
                balances.settle(&request.charges, Cost::Nothing, now);
                record.canceled();
            }
            End::Lost => record.lost(request.reserved),
        }
    }
}
