//! Chance with a seed.

use std::time::{SystemTime, UNIX_EPOCH};

/// A random number generator (xorshift).
pub(crate) struct Random(u64);

impl Random {
    /// With a seed of the time, which is printed.
    pub(crate) fn of_the_time() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let seed = since_epoch.as_secs() ^ u64::from(since_epoch.subsec_nanos());
        println!("seed {seed}");
        Self::new(seed)
    }

    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("an index")
    }
}
