//! How many requests are followed to their end.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::ledger::Reservation;

/// How many of a worker's requests are followed to their end. Beyond it a request is decided and
/// charged like any other, but it can be neither given back nor timed.
const HELD_MAX: usize = 100_000;

/// The same of all workers together, some 150 MB.
const HELD_IN_ALL_MAX: usize = 1_000_000;

/// How many requests are followed by all sessions of a process; a clone counts into the same.
#[derive(Clone, Debug, Default)]
pub struct HeldInAll(Arc<AtomicUsize>);

/// What one worker's requests hold, by their numbers.
#[derive(Debug)]
pub(super) struct Held {
    reservations: HashMap<u32, Reservation>,
    in_all: HeldInAll,
}

impl Held {
    pub(super) fn new(in_all: HeldInAll) -> Self {
        Self { reservations: HashMap::new(), in_all }
    }

    /// Keeps what a request holds. The answer is a reservation that cannot be followed any more:
    /// this one, where there is no place, or that of an earlier request with the same number.
    pub(super) fn keep(&mut self, reservation: Reservation) -> Option<Reservation> {
        if self.reservations.len() >= HELD_MAX || !self.in_all.take_place() {
            return Some(reservation);
        }
        let earlier = self.reservations.insert(reservation.id(), reservation);
        self.in_all.give_back(usize::from(earlier.is_some()));
        earlier
    }

    pub(super) fn take(&mut self, id: u32) -> Option<Reservation> {
        let reservation = self.reservations.remove(&id)?;
        self.in_all.give_back(1);
        Some(reservation)
    }

    pub(super) fn take_all(&mut self) -> Vec<Reservation> {
        self.in_all.give_back(self.reservations.len());
        self.reservations.drain().map(|(_, reservation)| reservation).collect()
    }
}

impl HeldInAll {
    fn take_place(&self) -> bool {
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        if before >= HELD_IN_ALL_MAX {
            self.give_back(1);
        }
        before < HELD_IN_ALL_MAX
    }

    fn give_back(&self, places: usize) {
        self.0.fetch_sub(places, Ordering::Relaxed);
    }
}
