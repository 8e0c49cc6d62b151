//! A request on its way to the store.

use std::sync::Arc;

use limiter::{Dimension, Tokens};
use smallvec::SmallVec;

use super::{Of, Replica, note::Note};
use crate::{
    ledger::{
        Ask, Client, Ledger,
        keys::Part,
        rules::{Applied, InForce},
        slot_key::SlotNumber,
    },
    limits::Measure,
    store::shared::{DecideWish, DemandWish, RequestName, Thing, WorkerName},
};

/// A request that the store is asked for, and what has to be known to explain its answer.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) slot: SlotNumber,
    pub(super) is_configured: bool,
    pub(super) reserved: Tokens,
    /// The limits that apply beside the client's own two.
    pub(super) applied: Arc<Applied>,
    /// Whose demand each is, in the order in which they are named.
    pub(super) whose: SmallVec<[(Whose, Of); 4]>,
    pub(super) wish: Arc<DecideWish>,
}

/// Whose demand it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whose {
    Own(Dimension),
    /// That of the limit in this row.
    Beside(usize, Part),
}

impl Ledger {
    /// What has to be there for a request to pass.
    pub(super) fn asked(
        &self,
        replica: &Replica,
        (client, is_configured): (&Client, bool),
        (worker, ask): (&Arc<WorkerName>, &Ask<'_>),
    ) -> Asked {
        let now = self.clock.now();
        let slot = client.entry.slot.get_or_take(&self.slots, &client.id);
        let applied = client.entry.class.applied_now();
        let (model, rows) = applied.rows(ask.model);
        let reserved = self.estimate(client, &self.slots.books(slot).record, ask, rows, now);
        let limits = client.limits_in_force();
        let id = &client.id;
        let mut demands = SmallVec::<[DemandWish; 4]>::new();
        let mut whose = SmallVec::<[(Whose, Of); 4]>::new();
        let own = [
            (Dimension::Rpm, limits.rpm, Tokens::ONE, Of::Requests),
            (Dimension::Tpm, limits.tpm, reserved, Of::Tokens),
        ];
        for (dimension, limit, cost, of) in own {
            let Some(limit) = limit else { continue };
            let (key, told) = replica.own(id, dimension, limit.into());
            demands.push(DemandWish { of: Thing::Tokens(key, told, cost), is_watched: false });
            whose.push((Whose::Own(dimension), of));
        }
        for (index, row) in rows.iter().enumerate() {
            let Some(found) = row.find(model, applied.models(), &self.shared) else { continue };
            for part in [Part::Main, Part::Trial] {
                let limit: &InForce = &row.limit;
                let Some(measure) = limit.measure(part) else { continue };
                let bucket = self.stored_bucket(replica, id, (limit, found, part));
                let (of, thing) = match (measure, bucket) {
                    (Measure::Concurrent(max), Some((key, None))) => {
                        (Of::Places, Thing::Place(key, max))
                    }
                    (Measure::Requests(_), Some((key, Some(told)))) => {
                        (Of::Requests, Thing::Tokens(key, told, Tokens::ONE))
                    }
                    (Measure::Tokens(_), Some((key, Some(told)))) => {
                        (Of::Tokens, Thing::Tokens(key, told, reserved))
                    }
                    _ => continue,
                };
                demands.push(DemandWish { of: thing, is_watched: !limit.refuses_by(part) });
                whose.push((Whose::Beside(index, part), of));
            }
        }
        let request = RequestName { worker: Arc::clone(worker), id: ask.id };
        let noted = demands.iter().zip(&whose).map(|(demand, (_, of))| (*of, &demand.of));
        let note = Note::of(id, ask.kind, reserved, noted).to_bytes();
        let wish = Arc::new(DecideWish { demands, request, note });
        Asked { slot, is_configured, reserved, applied, whose, wish }
    }
}
