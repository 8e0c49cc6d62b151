//! What an admitted request holds until it ends.

use limiter::Tokens;

use super::{RequestKind, WorkerId, charges::Charges, slots::SlotKey};

/// An admitted request: what it was charged, and to whom. It is data, so that it can be kept, sent
/// and written down; [`Ledger::end`](super::Ledger::end) is the only way to end it.
#[derive(Debug)]
#[must_use = "a reservation that does not end keeps what it was charged"]
pub struct Reservation {
    /// The worker that asked, and that will tell the end.
    pub(super) owner: WorkerId,
    /// The request's number among those of its worker.
    pub(super) id: u32,
    /// The client's: of a configured one, or of the one that stands for all others.
    pub(super) slot: SlotKey,
    pub(super) kind: RequestKind,
    pub(super) charges: Charges,
    pub(super) reserved: Tokens,
}

impl Reservation {
    /// The worker that asked.
    pub fn owner(&self) -> WorkerId {
        self.owner
    }

    /// The request's number among those of its worker.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The tokens that were reserved.
    pub fn reserved(&self) -> Tokens {
        self.reserved
    }
}
