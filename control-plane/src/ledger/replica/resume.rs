//! A worker comes from another control plane, or went to one: what its requests hold is read from the
//! store, and what is known here of them is forgotten.

use super::{Replica, note::Note, worker_name};
use crate::ledger::{Ledger, Reservation, Worker, charges::Charges};
use crate::store::shared::{TakenOver, Unavailable, client::OpenRequest};

impl Ledger {
    /// Takes over what a worker's requests hold, as far as it is not known here.
    pub(in crate::ledger) async fn take_over(
        &self,
        replica: &Replica,
        worker: &Worker,
    ) -> Result<(), Unavailable> {
        let name = worker_name(worker);
        let Some(TakenOver { before, open }) =
            replica.store.take_over(&name, &replica.name).await?
        else {
            // Its requests are those of the later stream.
            self.forget(replica, worker);
            return Ok(());
        };
        if before.is_some_and(|before| before != replica.name) {
            self.forget(replica, worker);
        }
        replica.store.committer.goes_on(&name);
        let mut held = worker.lock();
        let mut taken_over = Vec::new();
        for OpenRequest { id, charged, note } in open {
            let Some(note) = Note::read(&note) else { continue };
            let (Some(kind), Some(reserved)) = (note.kind(), note.reserved()) else { continue };
            let Some(holds) = note.holds(charged) else { continue };
            if held.reservations.contains_key(&id)
                || !self.workers.take_place(held.reservations.len())
            {
                continue;
            }
            let slot = self.with_client(&note.client, |client| {
                client.entry.slot.get_or_take(&self.slots, &client.id)
            });
            let Some(slot) = slot else { continue };
            let slot = self.slots.books(slot).key(slot);
            let charges = Charges::none(0);
            held.reservations.insert(id, Reservation { slot, kind, charges, reserved });
            taken_over.extend(holds.iter().map(|(_, hold)| hold.clone()));
            replica.holds.lock().insert((worker.id(), id), holds);
        }
        // At once: whoever hears of some of them takes the others for free.
        replica.store.committer.holds_places(&name, taken_over.iter());
        Ok(())
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
        held.reservations.clear();
        replica.holds.lock().retain(|(of, _), _| *of != worker.id());
        replica.store.committer.forget_places(worker.id().0.to_be_bytes());
    }
}
