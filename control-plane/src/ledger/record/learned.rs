//! What a client's requests usually use, learned from those that ended.

use limiter::{Tokens, UnixMillis};

/// How many requests are remembered, the latest ones: more than that a client has forgotten.
pub(in crate::ledger) const REMEMBERED: usize = 64;

/// A client that used nothing for so long is not what it was.
const FORGOTTEN_AFTER_MS: u64 = 60 * 60 * 1_000;

/// The 90th percentile of what the latest requests used, by the nearest rank.
#[derive(Debug)]
pub(super) struct LearnedEstimate {
    used: [Tokens; REMEMBERED],
    /// How many there ever were.
    count: usize,
    estimate: Tokens,
    learned_at: UnixMillis,
}

impl Default for LearnedEstimate {
    fn default() -> Self {
        Self {
            used: [Tokens::ZERO; REMEMBERED],
            count: 0,
            estimate: Tokens::ZERO,
            learned_at: UnixMillis::default(),
        }
    }
}

impl LearnedEstimate {
    /// A request has used so much.
    pub(super) fn learn(&mut self, used: Tokens, now: UnixMillis) {
        if self.is_forgotten(now) {
            self.count = 0;
        }
        if let Some(oldest) = self.used.get_mut(self.count % REMEMBERED) {
            *oldest = used;
        }
        // Stays in step with the ring when it wraps around.
        self.count = if self.count == usize::MAX { REMEMBERED } else { self.count + 1 };
        self.learned_at = now;

        let mut sorted = self.used;
        let known = self.count.min(REMEMBERED);
        let rank = (known * 9).div_ceil(10).saturating_sub(1);
        if let Some(known) = sorted.get_mut(..known) {
            let (_, estimate, _) = known.select_nth_unstable(rank);
            self.estimate = *estimate;
        }
    }

    /// What a request should reserve at least.
    pub(super) fn estimate(&self, now: UnixMillis) -> Option<Tokens> {
        (self.count > 0 && !self.is_forgotten(now)).then_some(self.estimate)
    }

    /// What is remembered, the oldest first, and when the last of it was learned.
    pub(super) fn remembered(&self) -> (Vec<u64>, UnixMillis) {
        let known = self.count.min(REMEMBERED);
        let oldest = self.count - known;
        let used = (oldest..self.count).filter_map(|nth| self.used.get(nth % REMEMBERED));
        (used.map(|used| used.get()).collect(), self.learned_at)
    }

    fn is_forgotten(&self, now: UnixMillis) -> bool {
        now.0.saturating_sub(self.learned_at.0) > FORGOTTEN_AFTER_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

    fn learned(used: impl IntoIterator<Item = u64>) -> LearnedEstimate {
        let mut learned = LearnedEstimate::default();
        for used in used {
            learned.learn(Tokens::new(used).unwrap(), NOW);
        }
        learned
    }

    fn check(used: impl IntoIterator<Item = u64>, expected: Option<u64>) {
        assert_eq!(learned(used).estimate(NOW).map(Tokens::get), expected);
    }

    #[test]
    fn nine_of_ten_requests_fit_the_estimate() {
        check([], None);
        check([700], Some(700));
        check([1, 2], Some(2));
        check(1..=10, Some(9));
        check((1..=10).rev(), Some(9));
        check([0; 64], Some(0));
    }

    #[test]
    fn only_the_latest_requests_count() {
        check([1_000_000; 64].into_iter().chain([5; 57]), Some(1_000_000));
        check([1_000_000; 64].into_iter().chain([5; 58]), Some(5));
        check([1_000_000; 64].into_iter().chain([5; 64]), Some(5));
    }

    #[test]
    fn what_was_learned_is_forgotten_after_an_hour_without_more() {
        let mut learned = learned([1_000; 64]);
        assert!(learned.estimate(UnixMillis(NOW.0 + FORGOTTEN_AFTER_MS)).is_some());
        let later = UnixMillis(NOW.0 + FORGOTTEN_AFTER_MS + 1);
        assert_eq!(learned.estimate(later), None);
        learned.learn(Tokens::new(3).unwrap(), later);
        assert_eq!(learned.estimate(later).map(Tokens::get), Some(3));
    }
}
