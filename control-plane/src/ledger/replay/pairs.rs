//! The buckets of those who are not configured, where each has some of its own.

use std::{collections::HashMap, mem};

use foldhash::fast::RandomState;
use limiter::Bucket;

use crate::ledger::balances::Balances;

/// Who has a pair of buckets of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Whose {
    /// The stranger of this number.
    Stranger(u32),
    /// The client with this tally, which was configured then and is not, as is supposed.
    Client(usize),
}

/// All pairs. One that was never charged is not there, which is as good as full.
#[derive(Debug, Default)]
pub(super) struct Pairs(HashMap<Whose, [Option<Bucket>; 2], RandomState>);

impl Pairs {
    /// A stranger's pair is known to be so, unless it was known before.
    pub(super) fn put(&mut self, stranger: u32, pair: [Option<Bucket>; 2]) {
        self.0.entry(Whose::Stranger(stranger)).or_insert(pair);
    }

    /// A pair takes the place of a client's own two buckets, or gets it back.
    pub(super) fn swap(&mut self, whose: Whose, balances: &mut Balances) {
        let [requests, tokens] = self.0.entry(whose).or_default();
        mem::swap(requests, &mut balances.requests);
        mem::swap(tokens, &mut balances.tokens);
    }

    /// Nobody has the number of those who have no buckets any more.
    pub(super) fn forget_nobodys(&mut self) {
        self.0.remove(&Whose::Stranger(u32::MAX));
    }
}
