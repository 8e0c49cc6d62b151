//! What one measurement of one cell gave, and the median of several.

use serde::Serialize;

/// The figures of one measurement, in the report's order.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Sample {
    /// Answered requests per second.
    pub(crate) rps: f64,
    /// The median latency.
    pub(crate) p50_us: f64,
    /// The latency that 99 % of the requests stayed below.
    pub(crate) p99_us: f64,
    /// CPU time of Envoy for each request.
    pub(crate) envoy_cpu_us: f64,
    /// CPU time of the control plane for each request.
    pub(crate) control_plane_cpu_us: f64,
    /// CPU time of the shared store for each request; 0 where there is none.
    pub(crate) store_cpu_us: f64,
}

impl Sample {
    /// The median of each figure by itself, to two decimals; `samples` is not empty.
    pub(crate) fn median(samples: &[Self]) -> Self {
        let of =
            |figure: fn(&Self) -> f64| (median(samples.iter().map(figure)) * 100.0).round() / 100.0;
        Self {
            rps: of(|sample| sample.rps),
            p50_us: of(|sample| sample.p50_us),
            p99_us: of(|sample| sample.p99_us),
            envoy_cpu_us: of(|sample| sample.envoy_cpu_us),
            control_plane_cpu_us: of(|sample| sample.control_plane_cpu_us),
            store_cpu_us: of(|sample| sample.store_cpu_us),
        }
    }

    /// CPU time of all of them together for each request.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.envoy_cpu_us + self.control_plane_cpu_us + self.store_cpu_us
    }
}

/// The figures of the streams in one measurement, in the report's order.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct StreamSample {
    /// The median of the times from a request to the first byte of its answer's body.
    pub(crate) first_byte_p50_us: f64,
    /// The time that 99 % of the first bytes stayed below.
    pub(crate) first_byte_p99_us: f64,
    /// CPU time of Envoy for each chunk.
    pub(crate) chunk_cpu_us: f64,
    /// The chunks of a long stream, each of which passed Envoy by itself.
    pub(crate) chunks: f64,
    /// Their mean size.
    pub(crate) chunk_bytes: f64,
}

impl StreamSample {
    /// The median of each figure by itself, to two decimals; `samples` is not empty.
    pub(crate) fn median(samples: &[Self]) -> Self {
        let of =
            |figure: fn(&Self) -> f64| (median(samples.iter().map(figure)) * 100.0).round() / 100.0;
        Self {
            first_byte_p50_us: of(|sample| sample.first_byte_p50_us),
            first_byte_p99_us: of(|sample| sample.first_byte_p99_us),
            chunk_cpu_us: of(|sample| sample.chunk_cpu_us),
            chunks: of(|sample| sample.chunks),
            chunk_bytes: of(|sample| sample.chunk_bytes),
        }
    }
}

/// How far apart the values are, as a share of their median.
pub(crate) fn spread(values: impl Iterator<Item = f64> + Clone, median: f64) -> f64 {
    (values.clone().fold(f64::MIN, f64::max) - values.fold(f64::MAX, f64::min)) / median
}

/// The value in the middle; `values` is not empty.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let upper = values.len() / 2;
    if values.len() % 2 == 1 {
        values[upper]
    } else {
        f64::midpoint(values[upper - 1], values[upper])
    }
}

/// The value that 99 % of the values stay below; `values` is not empty.
pub(crate) fn p99(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() * 99 / 100]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_not_moved_by_one_bad_round() {
        assert!((median([20.0, 900.0, 10.0].into_iter()) - 20.0).abs() < f64::EPSILON);
        assert!((median([40.0, 900.0, 10.0, 20.0].into_iter()) - 30.0).abs() < f64::EPSILON);
        assert!((median([7.0].into_iter()) - 7.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_p99_leaves_out_the_worst_hundredth() {
        let values = (1..=200_u8).rev().map(f64::from);
        assert!((p99(values) - 199.0).abs() < f64::EPSILON);
        assert!((p99([7.0].into_iter()) - 7.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_spread_is_a_share_of_the_median() {
        assert!((spread([20.0, 30.0, 25.0].into_iter(), 25.0) - 0.4).abs() < f64::EPSILON);
        assert!(spread([7.0].into_iter(), 7.0).abs() < f64::EPSILON);
    }
}
