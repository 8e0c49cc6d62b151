//! The store's clock beside ours. Limits refill by the store's; while it is away this process goes on by
//! its own.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::client::{Client, Failure, SmallScript};

/// Of so many questions the one that took the shortest time says most.
const QUESTIONS: usize = 3;

/// From this difference on, what the store was last seen to hold is refilled noticeably too much or too
/// little by our clock.
const NOTICEABLE_MS: u64 = 1_000;

/// How far the store's clock is from ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockDifference {
    /// How many milliseconds the store's clock is ahead of ours; negative where it is behind.
    pub ahead_ms: i64,
    /// How far off that can be: half of the time that the question and its answer took, rounded up.
    pub within_ms: u64,
}

impl ClockDifference {
    /// Asks a store for its time.
    pub async fn measure(client: &Client) -> Result<Self, Failure> {
        let script = SmallScript::new(include_str!("clock.lua"));
        let mut best: Option<Self> = None;
        for _ in 0..QUESTIONS {
            let (began, asked_at) = (Instant::now(), unix_ms());
            let told = client.run_script(&script, &[""; 0], &[]).await?;
            let round_trip_ms = began.elapsed().as_micros().div_ceil(1_000);
            let round_trip_ms = i64::try_from(round_trip_ms).unwrap_or(i64::MAX);
            let store_ms = told.into_integer().ok_or(Failure::NotUnderstood("its time"))?;
            let one = Self::of(asked_at, round_trip_ms, store_ms);
            if best.is_none_or(|best| one.within_ms < best.within_ms) {
                best = Some(one);
            }
        }
        best.ok_or(Failure::NotUnderstood("its time"))
    }

    /// The difference where it was `store_ms` there in the middle of a round trip that began at `asked_at`
    /// here.
    fn of(asked_at: i64, round_trip_ms: i64, store_ms: i64) -> Self {
        let half = round_trip_ms.saturating_add(1) / 2;
        let ahead_ms = store_ms.saturating_sub(asked_at.saturating_add(half));
        Self { ahead_ms, within_ms: half.unsigned_abs() }
    }

    /// Whether the clocks surely differ so much that it can be noticed.
    pub fn is_noticeable(self) -> bool {
        self.ahead_ms.unsigned_abs() > NOTICEABLE_MS.saturating_add(self.within_ms)
    }
}

fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::ClockDifference;

    #[test]
    fn a_slow_answer_is_no_difference_and_a_second_beyond_it_is() {
        let of = |round_trip_ms, store_ms| ClockDifference::of(10_000, round_trip_ms, store_ms);
        assert_eq!(of(0, 10_000), ClockDifference { ahead_ms: 0, within_ms: 0 });
        assert_eq!(of(4, 10_002), ClockDifference { ahead_ms: 0, within_ms: 2 });
        for (round_trip_ms, store_ms, is_noticeable) in [
            (0, 11_000, false),
            (0, 11_001, true),
            (0, 9_000, false),
            (0, 8_999, true),
            // It may have been told at any time of these two seconds.
            (2_000, 10_000, false),
            (2_000, 12_000, false),
            (2_000, 13_000, false),
            (2_000, 13_001, true),
            (2_000, 8_999, true),
        ] {
            let difference = of(round_trip_ms, store_ms);
            assert_eq!(difference.is_noticeable(), is_noticeable, "{difference:?}");
        }
    }
}
