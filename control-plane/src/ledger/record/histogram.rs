//! How long a client's requests took.

/// Upper bounds of the duration buckets, in milliseconds; above the last is one more bucket.
///
/// From a cached embedding to the stream of a model that reasons for minutes.
pub const DURATION_BUCKETS_MS: [u64; 15] =
    [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000];

/// Durations, counted by bucket.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    /// Not cumulative; one for each of [`DURATION_BUCKETS_MS`] and one above them.
    counts: [u64; DURATION_BUCKETS_MS.len() + 1],
    sum_us: u64,
}

impl Histogram {
    #[inline]
    pub(in crate::ledger) fn record(&mut self, duration_us: u64) {
        let bucket =
            DURATION_BUCKETS_MS.partition_point(|&bound_ms| bound_ms * 1_000 < duration_us);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum_us = self.sum_us.saturating_add(duration_us);
    }

    /// How many durations were recorded.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their sum, in milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "exact to the microsecond for 285 years")]
    pub fn sum_ms(&self) -> f64 {
        self.sum_us as f64 / 1_000.0
    }

    /// Their sum, in microseconds.
    pub fn sum_us(&self) -> u64 {
        self.sum_us
    }

    /// Each bound with how many durations were at most that long.
    pub fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> {
        DURATION_BUCKETS_MS.iter().zip(&self.counts).scan(0, |below, (&bound_ms, &count)| {
            *below += count;
            Some((bound_ms, *below))
        })
    }
}
