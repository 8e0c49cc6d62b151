//! A worker comes from another control plane, or went to one: what its requests hold is read from the
//! store, and what is known here of them is forgotten.

use super::{Replica, note::Note, worker_name};
use crate::ledger::{Ledger, Reservation, Worker, charges::Charges};
use crate::store::shared::{TakenOver, Unavailable, client::OpenRequest};

impl Ledger {
    /// Whether a store that is shared with other processes does not answer at the moment.
    pub fn store_is_away(&self) -> bool {
        self.replica.as_ref().is_some_and(|replica| replica.store.committer.is_away())
    }

    /// How many control planes have these balances, this one among them, as the store told last.
    pub fn control_planes(&self) -> u64 {
        self.replica.as_ref().map_or(1, |replica| replica.store.control_planes())
    }

    /// What is held for a worker by whichever control plane it was with before is held here from now on.
    pub async fn take_over_from_others(&self, worker: &Worker) -> Result<(), Unavailable> {
        let Some(replica) = &self.replica else { return Ok(()) };
        let Some(TakenOver { before, open }) = self.take_over(replica, worker).await? else {
            return Ok(());
        };
        // What was known here is older than that.
        if before.is_some_and(|before| before != replica.name) {
            self.forget(replica, worker);
        }
        self.hold_what_is_open(replica, worker, open);
        Ok(())
    }

    /// The same, later than its worker came: what was decided since is held as well. Which requests were not
    /// known here.
    pub async fn take_over_late(&self, worker: &Worker) -> Result<Vec<u32>, Unavailable> {
        let Some(replica) = &self.replica else { return Ok(Vec::new()) };
        let taken_over = self.take_over(replica, worker).await?;
        Ok(taken_over.map_or_else(Vec::new, |TakenOver { before: _, open }| {
            self.hold_what_is_open(replica, worker, open)
        }))
    }

    /// `None`: the worker has come on a later stream, whose its requests are.
    async fn take_over(
        &self,
        replica: &Replica,
        worker: &Worker,
    ) -> Result<Option<TakenOver>, Unavailable> {
        let taken_over = replica.store.take_over(&worker_name(worker), &replica.name).await?;
        if taken_over.is_none() {
            self.forget(replica, worker);
        }
        Ok(taken_over)
    }

    /// Holds what a worker has open in the store, as far as it is not known here; which requests that was.
    fn hold_what_is_open(
        &self,
        replica: &Replica,
        worker: &Worker,
        open: Vec<OpenRequest>,
    ) -> Vec<u32> {
        let name = worker_name(worker);
        replica.store.committer.goes_on(&name);
        let mut held = worker.lock();
        let (mut ids, mut taken_over) = (Vec::new(), Vec::new());
        for OpenRequest { id, charged, note } in open {
            let Some(note) = Note::read(&note) else { continue };
            let (Some(kind), Some(reserved)) = (note.kind(), note.reserved()) else { continue };
            let Some(holds) = note.holds(charged) else { continue };
            if held.reservations.contains_key(&id) {
                continue;
            }
            let slot = self.with_client(&note.client, |client| {
                client.entry.slot.get_or_take(&self.slots, &client.id)
            });
            let Some(slot) = slot else { continue };
            // Last of all: nobody would give back the place of what is not held after all.
            if !self.workers.take_place(held.reservations.len()) {
                continue;
            }
            let slot = self.slots.books(slot).key(slot);
            let charges = Charges::none(0);
            held.reservations.insert(id, Reservation { slot, kind, charges, reserved, number: 0 });
            taken_over.extend(holds.iter().map(|(_, hold)| hold.clone()));
            replica.holds.lock().insert((worker.id(), id), holds);
            ids.push(id);
        }
        // At once: whoever hears of some of them takes the others for free.
        replica.store.committer.holds_places(&name, taken_over.iter());
        ids
    }

    /// Whether a worker that has no stream here has gone to another control plane. Its requests are that
    /// one's then, and end there.
    pub(in crate::ledger) async fn has_gone_elsewhere(
        &self,
        replica: &Replica,
        worker: &Worker,
    ) -> Result<bool, Unavailable> {
        let with = replica.store.worker_is_with(&worker_name(worker)).await?;
        Ok(with.is_some_and(|with| with != replica.name))
    }

    /// What a worker's requests hold is another control plane's to know.
    pub(in crate::ledger) fn forget(&self, replica: &Replica, worker: &Worker) {
        let mut held = worker.lock();
        self.workers.give_back(held.reservations.len());
        held.let_all_go();
        replica.holds.lock().retain(|(of, _), _| *of != worker.id());
        replica.store.committer.forget_places(worker.id().0.to_be_bytes());
    }
}
