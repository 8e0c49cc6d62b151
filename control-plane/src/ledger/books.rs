//! One client's pages in the two books that hang on its place in the catalog.

use parking_lot::Mutex;

use super::{balances::Balances, record::Record};

/// What is left, and what happened; each under its own lock, never both at a time.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) balances: Mutex<Balances>,
    pub(super) record: Mutex<Record>,
}
