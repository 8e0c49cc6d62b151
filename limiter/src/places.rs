//! Places: how many requests are under way at a time.

use core::num::NonZeroU64;

/// How long a request has to wait for a place, in milliseconds, as far as anybody can tell: one comes
/// back when another request ends, and nobody knows when that is.
pub const PLACES_WAIT_MS: u64 = 1_000;

/// So many requests at a time, and how many there are: a bucket without refill, whose charge is given
/// back when the request has ended, in whatever way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    max: NonZeroU64,
    taken: u64,
}

/// A client has some for each of its limits, and there are a million clients.
const _: () = assert!(size_of::<Option<Places>>() <= 16);

impl Places {
    /// So many places, of which none is taken.
    pub fn new(max: NonZeroU64) -> Self {
        Self { max, taken: 0 }
    }

    /// So many places, of which so many are taken: more than there are after `max` was lowered.
    pub fn with_taken(max: NonZeroU64, taken: u64) -> Self {
        Self { max, taken }
    }

    /// How many requests may be under way at a time.
    pub fn max(&self) -> NonZeroU64 {
        self.max
    }

    /// How many are: more than [`Places::max`] after that was lowered, until enough have ended.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// How many more may be: 0 where `max` was lowered to what is taken, or below it.
    #[inline]
    pub fn free(&self) -> u64 {
        self.max.get().saturating_sub(self.taken)
    }

    /// Allows another number at a time. No place is taken away from a request that has one.
    pub fn change(&mut self, max: NonZeroU64) {
        self.max = max;
    }

    /// Takes the place of a request that is under way already, as it is read back: there may be more
    /// of those than [`Places::max`].
    pub fn take_again(&mut self) {
        self.take();
    }

    /// The place of a request that has ended.
    #[inline]
    pub fn give_back(&mut self) {
        self.taken = self.taken.saturating_sub(1);
    }

    #[inline]
    pub(crate) fn take(&mut self) {
        self.taken = self.taken.saturating_add(1);
    }
}
