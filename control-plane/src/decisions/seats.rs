//! One stream a worker: a newer one ends the older one first.
//!
//! A worker whose network broke opens a new stream while the control plane may still believe in the
//! old one. Of what arrived on that one and was not read the ends are taken and nothing else: the
//! worker says all of it again.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::ledger::WorkerId;

/// Which stream each worker has; a clone knows the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Seats {
    taken: Arc<Mutex<HashMap<WorkerId, Place>>>,
    streams: Arc<AtomicU64>,
}

/// One stream's place.
#[derive(Clone, Debug)]
struct Place {
    stream: u64,
    leave: CancellationToken,
    left: CancellationToken,
}

/// The seat of the one stream that a worker has, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    worker: WorkerId,
    place: Place,
    seats: Seats,
}

impl Seats {
    /// Takes the worker's seat, once whoever has it left.
    pub(super) async fn take(&self, worker: WorkerId) -> Seat {
        let stream = self.streams.fetch_add(1, Ordering::Relaxed);
        let place =
            Place { stream, leave: CancellationToken::new(), left: CancellationToken::new() };
        let seat = Seat { worker, place: place.clone(), seats: self.clone() };
        let before = self.taken.lock().insert(worker, place);
        if let Some(before) = before {
            before.leave.cancel();
            before.left.cancelled().await;
        }
        seat
    }
}

impl Seat {
    /// Waits until a newer stream of the worker wants the seat.
    pub(super) async fn wanted(&self) {
        self.place.leave.cancelled().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock();
        if taken.get(&self.worker).is_some_and(|place| place.stream == self.place.stream) {
            taken.remove(&self.worker);
        }
        self.place.left.cancel();
    }
}
