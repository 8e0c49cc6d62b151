//! How long a client's requests took.

/// Upper bounds of the duration buckets, in milliseconds; above the last is one more bucket.
///
/// From a cached embedding to the stream of a model that reasons for minutes.
pub const DURATION_BUCKETS_MS: [u64; 15] =
    [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000];

/// Durations, counted by bucket.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    /// Not cumulative, and only those in which there is something: most clients' requests take alike.
    counts: Box<[u64]>,
    /// Which ones: a bit for each of [`DURATION_BUCKETS_MS`] and one above them, from the lowest on.
    counted: u16,
    sum_us: u64,
}

const _: () = assert!(DURATION_BUCKETS_MS.len() < u16::BITS as usize);

impl Histogram {
    #[inline]
    pub(in crate::ledger) fn record(&mut self, duration_us: u64) {
        let bucket =
            DURATION_BUCKETS_MS.partition_point(|&bound_ms| bound_ms * 1_000 < duration_us);
        let bit = 1 << bucket;
        let place = self.place(bit);
        if self.counted & bit == 0 {
            let mut counts = std::mem::take(&mut self.counts).into_vec();
            counts.reserve_exact(1);
            counts.insert(place, 0);
            self.counts = counts.into_boxed_slice();
            self.counted |= bit;
        }
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
        }
        self.sum_us = self.sum_us.saturating_add(duration_us);
    }

    /// Where among the counts that of a bucket is, or would be.
    fn place(&self, bit: u16) -> usize {
        (self.counted & (bit - 1)).count_ones() as usize
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
        DURATION_BUCKETS_MS.iter().enumerate().scan(0, |below, (bucket, &bound_ms)| {
            let bit = 1 << bucket;
            if self.counted & bit != 0 {
                *below += self.counts.get(self.place(bit)).copied().unwrap_or_default();
            }
            Some((bound_ms, *below))
        })
    }
}
