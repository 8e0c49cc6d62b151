//! What a client's bucket could have admitted at most.

use std::time::Duration;

use serde::Deserialize;

/// A client's own limits per minute, as the REST API tells them; `None` is no limit.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Requests.
    pub(crate) rpm: Option<u64>,
    /// Tokens.
    pub(crate) tpm: Option<u64>,
    /// Whether they are applied.
    pub(crate) enabled: bool,
}

/// The most that a bucket admits within `elapsed`: its capacity, which is one minute's worth, and
/// what is refilled meanwhile.
///
/// A millisecond is added because the bucket's clock counts whole ones: two readings of it may lie
/// that much further apart than the moments at which they were taken.
pub(crate) fn bound(per_minute: u64, elapsed: Duration) -> u64 {
    let refill = u128::from(per_minute) * (elapsed.as_millis() + 1) / 60_000;
    per_minute.saturating_add(u64::try_from(refill).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_admits_its_capacity_at_once_and_as_much_again_in_each_minute() {
        assert_eq!(bound(60, Duration::ZERO), 60);
        assert_eq!(bound(60, Duration::from_millis(998)), 60);
        assert_eq!(bound(60, Duration::from_millis(999)), 61);
        assert_eq!(bound(60, Duration::from_mins(1)), 120);
        assert_eq!(bound(u64::MAX, Duration::from_hours(1)), u64::MAX);
    }
}
