//! What a request holds ends, in the store.

use smallvec::SmallVec;

use super::{Holds, Of, Replica, worker_name};
use crate::{
    ledger::{End, Ended, Ledger, Worker, cost::Cost},
    store::shared::{EndWish, Hold, RequestName, Wish},
};
use limiter::Tokens;

impl Ledger {
    /// Ends a worker's requests, and tells which of them were under way. Where the store is away they
    /// are told to it when it is back.
    pub(in crate::ledger) async fn end_shared(
        &self,
        replica: &Replica,
        worker: &Worker,
        ends: Vec<(u32, End)>,
    ) -> Vec<Ended> {
        let name = worker_name(worker);
        let (mut ended, mut wishes) = (Vec::with_capacity(ends.len()), Vec::new());
        {
            let mut held = worker.lock();
            let now = self.clock.now();
            for (id, end) in ends {
                let Some(reservation) = held.reservations.remove(&id) else { continue };
                let cost = self.cost_of(&reservation, &end);
                if let Some(mut books) = self.slots.books_of(reservation.slot) {
                    self.count_end(&mut books.record, &reservation, (&end, cost), now);
                    replica.untold.lock().add(reservation.slot.number());
                }
                let holds = replica.holds.lock().remove(&(worker.id(), id)).unwrap_or_default();
                let request = RequestName { worker: name.clone(), id };
                let holds = settled(holds, cost);
                wishes.push(Wish::End(EndWish { request, holds }));
                ended.push(Ended { id, end, reserved: reservation.reserved });
            }
        }
        self.workers.give_back(ended.len());
        let _ = replica.store.committer.carry_out(wishes).await;
        ended
    }
}

/// What becomes of each charge; where the cost is not known all stand, and places come back.
fn settled(holds: Holds, cost: Option<Cost>) -> SmallVec<[Hold; 4]> {
    let settled = holds.into_iter().filter_map(|(of, hold)| match hold {
        Hold::Place(..) => Some(hold),
        Hold::Tokens { key, told, charge, epoch, .. } => {
            let used = match (of, cost?) {
                (Of::Requests, Cost::Nothing) => Tokens::ZERO,
                (Of::Requests | Of::Places, _) => return None,
                (Of::Tokens, cost) => cost.tokens(),
            };
            Some(Hold::Tokens { key, told, charge, epoch, used })
        }
    });
    settled.collect()
}
