//! What an admitted request holds until it ends.

use limiter::Tokens;

use super::{RequestKind, charges::Charges, slot_key::SlotKey};

/// An admitted request: what it was charged, and to whom. It is data, so that it can be kept, sent
/// and written down. Its worker's number for it is where it is found, and
/// [`Ledger::end`](super::Ledger::end) is the only way to end it.
#[derive(Debug)]
#[must_use = "a reservation that does not end keeps what it was charged"]
pub(super) struct Reservation {
    /// The client's: of a configured one, or of the one that stands for all others.
    pub(super) slot: SlotKey,
    pub(super) kind: RequestKind,
    pub(super) charges: Charges,
    pub(super) reserved: Tokens,
    /// Which one it is of all that are kept of the past; 0: it is none of them.
    pub(super) number: u64,
}
