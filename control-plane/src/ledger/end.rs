//! The only way out of the ledger: what a request holds ends once, in one of three ways.

use limiter::UnixMillis;

use super::{
    Ledger, Outcome, Reservation, Response, cost::Cost, policy::EstimateSource, slots::Books,
};

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
    /// Ends requests.
    #[expect(clippy::unused_async, reason = "a store that is shared is a round trip away")]
    pub async fn end(&self, ends: Vec<(Reservation, End)>) {
        let now = self.clock.now();
        for (reservation, end) in &ends {
            // A client that was deleted still has its books, until it is forgotten.
            if let Some(mut books) = self.slots.books_of(reservation.slot) {
                self.end_one(&mut books, reservation, end, now);
            }
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
