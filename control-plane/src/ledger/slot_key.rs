//! By what a client's slot is known: to whoever looks at slots, and to a request that ends later.

/// The number of a slot, of whichever client has it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SlotNumber(u32);

/// A client's slot: once another client has it, the key fits no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SlotKey {
    number: SlotNumber,
    tenancy: u32,
}

impl SlotNumber {
    /// The slot of this number.
    #[inline]
    pub(super) fn of(number: u32) -> Self {
        Self(number)
    }

    /// The number itself.
    #[inline]
    pub(super) fn raw(self) -> u32 {
        self.0
    }

    /// Its place among all of them.
    #[inline]
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

impl SlotKey {
    /// The slot `number` of the client that has it after `tenancy` others.
    #[inline]
    pub(super) fn new(number: SlotNumber, tenancy: u32) -> Self {
        Self { number, tenancy }
    }

    /// The slot that it is for.
    #[inline]
    pub(super) fn number(self) -> SlotNumber {
        self.number
    }

    /// How many clients had the slot before.
    #[inline]
    pub(super) fn tenancy(self) -> u32 {
        self.tenancy
    }
}
