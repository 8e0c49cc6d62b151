//! Where a client's balances and record are, by number: a request that ends finds them without its
//! client being looked up again.

use std::{iter, sync::OnceLock};

use limiter::ClientId;
use parking_lot::{Mutex, MutexGuard};

use super::{
    balances::Balances,
    record::Record,
    slot_key::{SlotKey, SlotNumber},
};

/// All slots there are. One that was made stays where it is, so that no lock is needed to find it.
#[derive(Debug, Default)]
pub(super) struct Slots {
    /// In blocks of [`BLOCK`], so that no more than one of them is taken in advance.
    blocks: boxcar::Vec<Box<[Mutex<Books>]>>,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    /// How many ever were.
    count: u32,
    /// Those of clients that are forgotten.
    free: Vec<SlotNumber>,
}

/// How many slots are made at a time: some 200 kB, which takes some 50 microseconds.
const BLOCK: usize = 1_024;

/// The slot of a client that may never have asked: until it does it has none, and takes less than
/// half of the memory.
#[derive(Debug, Default)]
pub(super) struct LazySlot(OnceLock<SlotNumber>);

/// A client's balances and its record. They know nothing of each other; a decision writes in both,
/// and one lock costs it half of what two do.
#[derive(Debug, Default)]
pub(super) struct Books {
    /// Whose they are, or were until it was deleted; `None` in a free slot.
    pub(super) client: Option<ClientId>,
    is_retired: bool,
    pub(super) balances: Balances,
    pub(super) record: Record,
    /// Counts the clients that had the slot before.
    tenancy: u32,
    /// The stamp of the part of the ring in which they were noted last (`past`).
    pub(super) noted: u32,
}

impl Slots {
    /// An empty slot for `client`.
    pub(super) fn take(&self, client: &ClientId) -> SlotNumber {
        let mut taken = self.taken.lock();
        let number = taken.free.pop().unwrap_or_else(|| {
            let number = SlotNumber::of(taken.count);
            if place(number).1 == 0 {
                self.blocks.push(iter::repeat_with(Mutex::default).take(BLOCK).collect());
            }
            // A million clients are as many as there can be.
            taken.count += 1;
            number
        });
        drop(taken);
        self.books(number).client = Some(client.clone());
        number
    }

    /// Every slot that there is by now.
    pub(super) fn all(&self) -> impl Iterator<Item = SlotNumber> {
        (0..self.taken.lock().count).map(SlotNumber::of)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.taken.lock().count as usize
    }

    /// Every slot that there is by now, from one of them on and then those before it.
    pub(super) fn all_from(&self, first: usize) -> impl Iterator<Item = SlotNumber> + use<> {
        let count = self.taken.lock().count;
        // There are fewer than that.
        let first = u32::try_from(first).unwrap_or(count).min(count);
        (first..count).chain(0..first).map(SlotNumber::of)
    }

    /// The slot is for another client to have, and what the last one's requests hold fits no more.
    pub(super) fn give_back(&self, number: SlotNumber) {
        let mut books = self.books(number);
        *books = Books { tenancy: books.tenancy.wrapping_add(1), ..Books::default() };
        drop(books);
        self.taken.lock().free.push(number);
    }

    /// The books of whichever client has the slot.
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "numbers are made by `take`, and no slot goes")]
    pub(super) fn books(&self, number: SlotNumber) -> MutexGuard<'_, Books> {
        let (block, place) = place(number);
        self.blocks[block][place].lock()
    }

    /// The books of the one client that the key is for; `None` when it is forgotten.
    #[inline]
    pub(super) fn books_of(&self, key: SlotKey) -> Option<MutexGuard<'_, Books>> {
        Some(self.books(key.number())).filter(|books| books.tenancy == key.tenancy())
    }
}

/// In which block a slot is, and where there.
#[inline]
fn place(number: SlotNumber) -> (usize, usize) {
    (number.index() / BLOCK, number.index() % BLOCK)
}

impl LazySlot {
    /// The slot, when there is one.
    pub(super) fn get(&self) -> Option<SlotNumber> {
        self.0.get().copied()
    }

    /// The slot, which is taken now when there is none.
    #[inline]
    pub(super) fn get_or_take(&self, slots: &Slots, client: &ClientId) -> SlotNumber {
        *self.0.get_or_init(|| slots.take(client))
    }
}

impl From<SlotNumber> for LazySlot {
    fn from(number: SlotNumber) -> Self {
        Self(number.into())
    }
}

impl Books {
    /// Their client is deleted, and may come back.
    pub(super) fn retire(&mut self) {
        self.is_retired = true;
    }

    /// The client that they are of, while it is configured.
    pub(super) fn configured(&self) -> Option<&ClientId> {
        self.client.as_ref().filter(|_| !self.is_retired)
    }

    /// A client is created that was deleted before: full buckets, and counters that go on. What its
    /// requests of before still hold is not given back to these buckets.
    pub(super) fn begin_anew(&mut self) {
        self.is_retired = false;
        self.balances.begin_anew();
        self.record.unlearn();
    }

    /// A client was deleted, and what is known of it is of another one now.
    pub(super) fn forget(&mut self) {
        self.balances.begin_anew();
        self.record = Record::default();
    }

    /// Counts the clients that had the slot before.
    pub(super) fn tenancy(&self) -> u32 {
        self.tenancy
    }

    /// The key of the client whose books they are, in slot `number`.
    #[inline]
    pub(super) fn key(&self, number: SlotNumber) -> SlotKey {
        SlotKey::new(number, self.tenancy)
    }
}
