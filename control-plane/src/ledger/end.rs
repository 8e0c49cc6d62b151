//! The only way out of the ledger: what a request holds ends once, in one of three ways.

use limiter::UnixMillis;

use super::{
    Ledger, Outcome, Reservation, Response, books::Books, cost::Cost, policy::EstimateSource,
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
        for (reservation, end) in ends {
            self.with_books(&reservation.client, |books| {
                self.end_one(books, &reservation, &end, now);
            });
        }
    }

    fn end_one(&self, books: &Books, reservation: &Reservation, end: &End, now: UnixMillis) {
        let Reservation { epoch, charges, reserved, kind, .. } = reservation;
        match end {
            End::Settled(response) => {
                let cost = response.cost(*kind, *reserved, &self.policy.charge);
                books.balances.lock().settle(charges, *epoch, cost, now);
                let mut record = books.record.lock();
                record.settled(*reserved, cost.tokens(), response.duration_us);
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
                books.balances.lock().settle(charges, *epoch, Cost::Nothing, now);
                books.record.lock().canceled();
            }
            End::Lost => books.record.lock().lost(*reserved),
        }
    }
}
