//! Requests that passed and have not ended.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use foldhash::fast::RandomState;
use limiter::{Tokens, UnixMillis};

use super::pairs::Whose;
use crate::ledger::{charges::Charges, slot_key::SlotKey};

/// A request that passed and has not ended.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) slot: SlotKey,
    /// The slot then of the client whose it is; `None`: of who is not configured.
    pub(super) then: Option<SlotKey>,
    pub(super) charges: Charges,
    pub(super) reserved: Tokens,
    pub(super) asked: UnixMillis,
    pub(super) tally: usize,
    pub(super) whose: Option<Whose>,
    /// How many shared buckets had been made anew.
    pub(super) remakes: u64,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    open: HashMap<u64, Open, RandomState>,
    /// Those that would have passed and that nobody ended, since they were refused then.
    unended: BinaryHeap<Reverse<(u64, u64)>>,
    /// How many ended whose beginning is known, and how long they took.
    pub(super) took: (u64, u64),
}

impl UnderWay {
    /// One passed. It ends by itself at a moment, if one is given.
    pub(super) fn begin(&mut self, number: u64, open: Open, ends_at: Option<u64>) {
        self.unended.extend(ends_at.map(|at| Reverse((at, number))));
        self.open.insert(number, open);
    }

    /// One ends; `None`: it did not pass, or has ended.
    pub(super) fn end(&mut self, number: u64) -> Option<Open> {
        self.open.remove(&number)
    }

    /// The next one that has ended by itself by now, and when.
    pub(super) fn end_due(&mut self, now: UnixMillis) -> Option<(Open, UnixMillis)> {
        while let Some(Reverse((at, number))) = self.unended.peek().copied()
            && at <= now.0
        {
            self.unended.pop();
            if let Some(open) = self.open.remove(&number) {
                return Some((open, UnixMillis(at)));
            }
        }
        None
    }
}
