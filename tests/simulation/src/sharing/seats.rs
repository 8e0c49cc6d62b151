//! One stream a worker at each control plane, as its server has it: a newer one ends the one before.

use std::{collections::BTreeMap, sync::Arc};

use flowguard::ledger::WorkerId;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// The seats of a control plane.
#[derive(Clone, Debug, Default)]
pub(super) struct Seats(Arc<Mutex<BTreeMap<u128, Seat>>>);

/// A worker's seat.
#[derive(Clone, Debug, Default)]
pub(super) struct Seat {
    /// A newer stream wants it.
    pub(super) leave: CancellationToken,
    /// It is free.
    pub(super) left: CancellationToken,
}

impl Seats {
    /// Takes the worker's seat, once whoever has it left.
    pub(super) async fn take(&self, worker: WorkerId) -> Seat {
        let seat = Seat::default();
        let before = self.0.lock().insert(worker.0, seat.clone());
        if let Some(before) = before {
            before.leave.cancel();
            before.left.cancelled().await;
        }
        seat
    }
}
