//! What was decided and has ended is written down before it is told.
//!
//! While a frame is worked on, events and the slots that were touched are noted; then one entry is
//! written with the events and with how each of those slots stands. It is read under the lock of the
//! files: of two entries the later one never says something older.

use std::sync::{Arc, OnceLock};

use limiter::UnixMillis;
use parking_lot::{Mutex, MutexGuard};

use super::{
    Ledger,
    keys::SharedNumber,
    past::Ring,
    slot_key::SlotNumber,
    written::{push_books, push_shared},
};
use crate::store::state::{Record, Records, StateFiles};

/// Where the ledger writes; nowhere, while it has no files.
#[derive(Debug, Default)]
pub(super) struct Journal {
    files: OnceLock<Arc<StateFiles>>,
    pending: Mutex<Pending>,
}

/// What is to be written.
#[derive(Debug, Default)]
pub(super) struct Pending {
    events: Records,
    touched: Vec<SlotNumber>,
    shared: Vec<SharedNumber>,
}

/// Notes what is to be written, and what is kept of the past; nothing, where nothing is.
pub(super) struct Pen<'a> {
    pending: Option<MutexGuard<'a, Pending>>,
    ring: Option<MutexGuard<'a, Ring>>,
}

impl Journal {
    /// From now on all is written to `files`.
    pub(super) fn open(&self, files: Arc<StateFiles>) {
        // It is opened once, at the start.
        let _ = self.files.set(files);
    }

    /// For what changes nothing that is kept of the past.
    pub(super) fn pen(&self) -> Pen<'_> {
        Pen { pending: self.files.get().map(|_| self.pending.lock()), ring: None }
    }
}

/// Bytes of events and slots after which an entry is written although more is to come.
const EVENTS_MAX: usize = 64 * 1024;
const TOUCHED_MAX: usize = 1_024;

impl Pen<'_> {
    /// Whether so much is noted that it should be written.
    fn has_much(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| {
            let touched = pending.touched.len() + pending.shared.len();
            pending.events.len() >= EVENTS_MAX || touched >= TOUCHED_MAX
        })
    }

    /// Something happened.
    #[inline]
    pub(super) fn note<'r>(&mut self, event: impl FnOnce() -> Record<'r>) {
        if let Some(pending) = &mut self.pending {
            pending.events.push(&event());
        }
    }

    /// Something happened, as `tell` says it.
    #[inline]
    pub(super) fn note_with(&mut self, tell: impl FnOnce(&mut dyn FnMut(&Record<'_>))) {
        if let Some(pending) = &mut self.pending {
            tell(&mut |event| pending.events.push(event));
        }
    }

    /// What is in a bucket that clients share may have changed.
    #[inline]
    pub(super) fn touch_shared(&mut self, bucket: SharedNumber) {
        if let Some(pending) = &mut self.pending {
            pending.shared.push(bucket);
        }
    }

    /// What was decided of late, where that is kept.
    #[inline]
    pub(super) fn ring(&mut self) -> Option<&mut Ring> {
        self.ring.as_deref_mut()
    }

    /// What is in a slot may have changed.
    #[inline]
    pub(super) fn touch(&mut self, slot: SlotNumber) {
        if let Some(pending) = &mut self.pending {
            pending.touched.push(slot);
        }
    }
}

impl Ledger {
    /// For what changes what is left of limits. The ring is locked before the journal.
    pub(super) fn pen(&self) -> Pen<'_> {
        let ring = self.past.lock();
        Pen { ring, ..self.journal.pen() }
    }

    /// Writes down what was noted.
    pub(super) fn write(&self, pen: Pen<'_>, now: UnixMillis) {
        let (Some(files), Some(mut pending)) = (self.journal.files.get(), pen.pending) else {
            return;
        };
        let Pending { events, touched, shared } = &mut *pending;
        if events.is_empty() && touched.is_empty() && shared.is_empty() {
            return;
        }
        touched.sort_unstable();
        touched.dedup();
        shared.sort_unstable();
        shared.dedup();
        let named = self.rules.named();
        files.append(now, |entry| {
            entry.extend(events);
            for &slot in touched.iter() {
                push_books(&self.slots.books(slot), &named, &mut |record| entry.push(record));
            }
            for &bucket in shared.iter() {
                push_shared(&self.shared.books(bucket), &mut |record| entry.push(record));
            }
        });
        events.clear();
        touched.clear();
        shared.clear();
    }

    /// Writes down what was noted, where it is much: a file of a million clients is written in many
    /// entries, and all else with what is decided next.
    pub(super) fn write_if_much(&self, pen: Pen<'_>) {
        if pen.has_much() {
            self.write(pen, self.clock.now());
        }
    }

    /// Writes down what has ended and is not written yet: only then may it be acknowledged.
    pub fn commit(&self) {
        self.write(self.journal.pen(), self.clock.now());
    }
}
