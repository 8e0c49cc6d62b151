//! What a request holds ends, in the store.

use smallvec::SmallVec;

use super::{Holds, Of, Replica, worker_name};
use crate::{
    ledger::{End, Ended, Ledger, Worker, cost::Cost},
    store::shared::{Done, EndWish, Hold, RequestName, Wish},
};
use limiter::Tokens;

impl Ledger {
    /// Whether all ends of a worker's requests are kept, so that the worker may forget them. What is told
    /// to a store that is away waits here.
    pub fn keeps_all_ends(&self, worker: &Worker) -> bool {
        match &self.replica {
            Some(replica) => worker.untold_ends.are_all_back() || replica.store.committer.is_away(),
            None => true,
        }
    }

    /// Ends a worker's requests, and tells which of them were under way. Where the store is away they
    /// are told to it when it is back.
    pub(in crate::ledger) async fn end_shared(
        &self,
        replica: &Replica,
        worker: &Worker,
        ends: Vec<(u32, End)>,
    ) -> Vec<Ended> {
        let name = worker_name(worker);
        let (mut ending, mut wishes) = (Vec::with_capacity(ends.len()), Vec::new());
        {
            let mut held = worker.lock();
            for (id, end) in ends {
                let Some(reservation) = held.reservations.remove(&id) else { continue };
                let cost = self.cost_of(&reservation, &end);
                held.count_tokens_of_key(id, cost.map_or(reservation.reserved, Cost::tokens));
                let holds = replica.holds.lock().remove(&(worker.id(), id)).unwrap_or_default();
                let request = RequestName { worker: name.clone(), id };
                let (holds, receipt) = (settled(holds, cost), worker.untold_ends.hand_out());
                wishes.push(Wish::End(Box::new(EndWish { request, holds, receipt })));
                ending.push((id, end, cost, reservation));
            }
        }
        self.workers.give_back(ending.len());
        let done = replica.store.committer.carry_out(wishes).await;
        let mut ring = self.past.lock();
        let now = self.clock.now();
        let counted =
            ending.into_iter().zip(done).filter_map(|((id, end, cost, reservation), done)| {
                // Another control plane heard of it first, and counted it.
                if matches!(done, Ok(Done::EndedBefore)) {
                    return None;
                }
                if let Some(mut books) = self.slots.books_of(reservation.slot) {
                    if let Some(ring) = &mut ring {
                        ring.begin(now);
                        ring.look_at(reservation.slot.number(), &mut books, None, now);
                        ring.ended(&reservation, cost, None, now);
                    }
                    self.count_end(&mut books.record, &reservation, (&end, cost), now);
                    replica.untold.lock().add(reservation.slot.number());
                }
                Some(Ended { id, end, reserved: reservation.reserved })
            });
        counted.collect()
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
