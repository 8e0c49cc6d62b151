//! Buckets of those who are verified and not configured, where each has some of its own.
//!
//! All of them are still the one client `unknown`, by whose class they are limited and as which they
//! are counted; only its own two buckets are another pair for each. While one of them is decided, its
//! pair takes the place of the client's. They end with the process.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use limiter::{Bucket, UnixMillis};

use super::balances::Balances;

/// How many have a pair of buckets: some 30 MB, whoever comes.
const STRANGERS_MAX: usize = 100_000;

/// How many are looked at for one whose buckets are full, which nobody misses.
const LOOKED_AT_MAX: usize = 64;

/// The pairs of all who asked of late.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    pairs: HashMap<Arc<str>, Pair>,
    /// In the order in which they are looked at when room is needed.
    order: VecDeque<Arc<str>>,
    /// How many ever were.
    count: u32,
}

/// Which pair it is, of all there ever were, and when it was noted last (`past`).
#[derive(Clone, Copy, Debug)]
pub(super) struct PairStamp {
    pub(super) number: u32,
    pub(super) noted: u32,
}

/// That of nobody's.
impl Default for PairStamp {
    fn default() -> Self {
        Self { number: u32::MAX, noted: 0 }
    }
}

/// A bucket that was never charged is not there, which is as good as full.
#[derive(Debug, Default)]
struct Pair {
    stamp: PairStamp,
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
}

impl Strangers {
    /// Decides over a request of `id`, by `decide`, with its own pair of buckets in place of those
    /// that `swap` reaches.
    pub(super) fn decide<T>(
        &mut self,
        id: &str,
        now: UnixMillis,
        swap: impl Fn(&mut dyn FnMut(&mut Balances)),
        decide: impl FnOnce(&mut PairStamp) -> T,
    ) -> T {
        if !self.pairs.contains_key(id) {
            self.take_in(id, now);
        }
        self.with(id, swap, decide)
    }

    /// The same for a request that has ended. Of who has no pair any more nothing is settled.
    pub(super) fn with<T>(
        &mut self,
        id: &str,
        swap: impl Fn(&mut dyn FnMut(&mut Balances)),
        act: impl FnOnce(&mut PairStamp) -> T,
    ) -> T {
        let mut nobodys = Pair::default();
        let pair = self.pairs.get_mut(id).unwrap_or(&mut nobodys);
        swap(&mut |balances| pair.swap(balances));
        let done = act(&mut pair.stamp);
        swap(&mut |balances| pair.swap(balances));
        done
    }

    /// The buckets of `id`, of requests and of tokens; one that is not there is full.
    pub(super) fn buckets(&self, id: &str) -> [Option<Bucket>; 2] {
        self.pairs.get(id).map_or([None; 2], |pair| [pair.requests, pair.tokens])
    }

    fn take_in(&mut self, id: &str, now: UnixMillis) {
        if self.pairs.len() >= STRANGERS_MAX {
            self.make_room(now);
        }
        let id: Arc<str> = id.into();
        self.order.push_back(Arc::clone(&id));
        self.count = self.count.wrapping_add(1);
        let stamp = PairStamp { number: self.count, noted: 0 };
        self.pairs.insert(id, Pair { stamp, ..Pair::default() });
    }

    /// One goes whose buckets are full, or else who was looked at first.
    fn make_room(&mut self, now: UnixMillis) {
        for _ in 0..LOOKED_AT_MAX {
            let Some(id) = self.order.pop_front() else { return };
            if self.pairs.get(&id).is_none_or(|pair| pair.is_full(now)) {
                self.pairs.remove(&id);
                return;
            }
            self.order.push_back(id);
        }
        if let Some(id) = self.order.pop_front() {
            self.pairs.remove(&id);
        }
    }
}

impl Pair {
    fn swap(&mut self, balances: &mut Balances) {
        std::mem::swap(&mut self.requests, &mut balances.requests);
        std::mem::swap(&mut self.tokens, &mut balances.tokens);
    }

    fn is_full(&self, now: UnixMillis) -> bool {
        let buckets = self.requests.iter().chain(&self.tokens);
        buckets.map(|bucket| bucket.balance(now)).all(|balance| balance.used() == 0)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use limiter::{PerMinute, Tokens};

    use super::*;
    use crate::{clients::Limits, ledger::RetryAfter};

    /// Whether `id` may ask once more, of two requests a minute.
    fn asks(strangers: &mut Strangers, id: &str, now: u64) -> bool {
        let limits = Limits { rpm: PerMinute::new(2).ok(), tpm: None };
        let all = RefCell::new(Balances::default());
        let swap = |swap: &mut dyn FnMut(&mut Balances)| swap(&mut all.borrow_mut());
        let now = UnixMillis(now);
        strangers.decide(id, now, swap, |_| {
            all.borrow_mut().decide(limits, Tokens::ZERO, RetryAfter::Exact, now).is_ok()
        })
    }

    #[test]
    fn each_has_its_own_pair_of_buckets() {
        let mut strangers = Strangers::default();
        for id in ["a", "b"] {
            let answers = [(); 3].map(|()| asks(&mut strangers, id, 1_000));
            assert_eq!(answers, [true, true, false], "{id}");
        }
        assert!(asks(&mut strangers, "a", 31_000), "one comes back in half a minute");
    }

    #[test]
    fn there_are_so_many_at_most_and_full_ones_go_first() {
        let mut strangers = Strangers::default();
        assert!(asks(&mut strangers, "empty", 0) && asks(&mut strangers, "empty", 0));
        for n in 1..STRANGERS_MAX {
            asks(&mut strangers, &format!("once-{n}"), 0);
        }
        // By now all but the first are full again.
        assert!(asks(&mut strangers, "new", 30_000));
        assert_eq!(strangers.pairs.len(), STRANGERS_MAX);
        assert_eq!(strangers.order.len(), STRANGERS_MAX);
        assert!(strangers.pairs.contains_key("empty") && !strangers.pairs.contains_key("once-1"));

        for n in 0..LOOKED_AT_MAX * 2 {
            asks(&mut strangers, &format!("flood-{n}"), 0);
        }
        assert_eq!(strangers.pairs.len(), STRANGERS_MAX);
    }
}
