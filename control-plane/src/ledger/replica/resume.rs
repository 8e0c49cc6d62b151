//! A worker comes from another control plane: what its requests hold is read from the store.

use super::{Replica, note::Note, worker_name};
use crate::ledger::{Ledger, Reservation, Worker, charges::Charges};
use crate::store::shared::Unavailable;

impl Ledger {
    /// Takes over what a worker's requests hold, as far as it is not known here.
    pub(in crate::ledger) async fn take_over(
        &self,
        replica: &Replica,
        worker: &Worker,
    ) -> Result<(), Unavailable> {
        let name = worker_name(worker);
        let open = replica.store.open_requests(&name).await?;
        let mut held = worker.lock();
        for (id, charged, note) in open {
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
            replica.store.committer.holds_places(&name, holds.iter().map(|(_, hold)| hold));
            replica.holds.lock().insert((worker.id(), id), holds);
        }
        Ok(())
    }
}
