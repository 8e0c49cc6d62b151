//! Whether the store has been told all that it has to be.

use std::sync::Arc;

/// Hands out receipts, and sees when all of them are back.
#[derive(Debug, Default)]
pub struct Receipts(Arc<()>);

/// Goes with what the store is to be told, and is back once that was done, or was lost for good.
#[derive(Clone, Debug, Default)]
pub struct Receipt {
    _held: Option<Arc<()>>,
}

impl Receipts {
    /// Goes with one thing that is to be told.
    pub fn hand_out(&self) -> Receipt {
        Receipt { _held: Some(Arc::clone(&self.0)) }
    }

    /// Whether nothing is still to be told.
    pub fn are_all_back(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_back_when_the_last_that_holds_it_is_gone() {
        let receipts = Receipts::default();
        assert!(receipts.are_all_back());
        let (one, other) = (receipts.hand_out(), receipts.hand_out());
        let same = one.clone();
        drop((one, other));
        assert!(!receipts.are_all_back());
        drop(same);
        assert!(receipts.are_all_back());
    }
}
