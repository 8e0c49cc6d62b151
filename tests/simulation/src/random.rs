//! The one source of what is random: a seed makes all of it again.

/// Numbers that a seed makes again.
#[derive(Clone, Debug)]
pub(crate) struct Random(fastrand::Rng);

impl Random {
    /// The numbers of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Any number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0.u64(..)
    }

    /// One of `0..end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0.u64(0..end.max(1))
    }

    /// One of `least..=most`.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    /// Whether what happens in so many of a hundred cases does.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of several.
    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let count = u64::try_from(from.len()).unwrap_or(1);
        let index = usize::try_from(self.below(count)).unwrap_or(0);
        from[index]
    }

    /// A time until the next of many events that come so far apart on average.
    pub(crate) fn gap(&mut self, mean: u64) -> u64 {
        // Between nothing and twice the mean, and now and then in a burst.
        if self.percent(20) { self.below(mean / 20 + 1) } else { self.below(mean * 5 / 2 + 1) }
    }
}
