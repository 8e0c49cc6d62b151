//! What is promised to a worker: each request ends once, and an ask has one answer.

use std::collections::BTreeMap;

use super::{Answer, beside::Taken, client::Paid};
use crate::upstream::Kind;

/// A worker, by its name.
pub(crate) type Name = u128;

/// What a request holds until it ends.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// Whose it is; `None`: of nobody who is configured.
    pub(crate) client: Option<String>,
    /// The life of the client that paid.
    pub(crate) life: u64,
    /// What it is for.
    pub(crate) kind: Kind,
    /// What it paid of its client's own two limits.
    pub(crate) paid: Paid,
    /// What it took of those beside them.
    pub(crate) beside: Taken,
    /// The tokens that it reserved.
    pub(crate) reserved: u64,
}

/// A worker and what its requests hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Worker {
    /// By their numbers.
    pub(crate) held: BTreeMap<u32, Held>,
    /// What was decided last, until it is told.
    pub(crate) untold: Vec<(u32, Answer)>,
    /// What a lost stream did not tell, and holds nothing.
    pub(crate) to_repeat: Vec<(u32, Answer)>,
    /// The number of its newest stream: before the second one none can be overtaken.
    pub(crate) newest_stream: u64,
    /// Since when it has no stream.
    pub(crate) away_since: Option<u64>,
}

impl Worker {
    /// What was decided over a request that holds nothing, and never told.
    pub(crate) fn repeat(&mut self, id: u32) -> Option<Answer> {
        let place = self.to_repeat.iter().position(|(refused, _)| *refused == id)?;
        Some(self.to_repeat.swap_remove(place).1)
    }
}
