//! Random limits, and what happens to them.

use core::num::NonZeroU64;

use limiter::{BUCKETS_MAX, Quota};
use proptest::{collection::vec, prelude::*};

use crate::random::{Cost, cost, pause_ms, quota};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) measure: Measure,
    pub(crate) is_watched: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Measure {
    InAWindow(Quota),
    AtATime(NonZeroU64),
}

/// A request for each limit of which a bit is set, and what it costs where that is a bucket.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) matching: u16,
    pub(crate) costs: Vec<Cost>,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Ask(Ask),
    /// The oldest request ends and used so many hundredths of what it was charged.
    End {
        percent: u64,
    },
    /// One limit gets other numbers, if they are of its kind.
    Change {
        limit: usize,
        to: Measure,
    },
    /// Everything is written down and read back.
    Restart,
}

pub(crate) fn limits() -> impl Strategy<Value = Vec<Limit>> {
    let limit = (measure(), prop::bool::weighted(0.3));
    vec(limit.prop_map(|(measure, is_watched)| Limit { measure, is_watched }), 1..=BUCKETS_MAX)
}

fn measure() -> impl Strategy<Value = Measure> {
    prop_oneof![
        3 => quota().prop_map(Measure::InAWindow),
        1 => (1..6_u64).prop_map(|max| Measure::AtATime(NonZeroU64::new(max).unwrap())),
    ]
}

/// Small ones for all limits, and of all sizes for some of them.
pub(crate) fn ask() -> impl Strategy<Value = Ask> {
    let small = vec((0..25_u64).prop_map(Cost::PercentOfBurst), BUCKETS_MAX);
    prop_oneof![
        (any::<u16>(), any::<u16>(), vec(cost(), BUCKETS_MAX))
            .prop_map(|(some, others, costs)| Ask { matching: some & others, costs }),
        small.prop_map(|costs| Ask { matching: u16::MAX, costs }),
    ]
}

/// Of what requests used: all, some, nothing, or more than they were charged.
pub(crate) fn percent() -> impl Strategy<Value = u64> {
    prop_oneof![3 => Just(100_u64), 3 => 0..100_u64, 1 => Just(0), 2 => 100..200_u64]
}

/// Requests that come and end, and the milliseconds before each.
pub(crate) fn requests() -> impl Strategy<Value = Vec<(i64, Step)>> {
    let step = prop_oneof![
        3 => ask().prop_map(Step::Ask),
        2 => percent().prop_map(|percent| Step::End { percent }),
    ];
    vec((pause_ms(), step), 1..80)
}

/// All that can happen.
pub(crate) fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
    let step = prop_oneof![
        12 => ask().prop_map(Step::Ask),
        8 => percent().prop_map(|percent| Step::End { percent }),
        2 => (0..BUCKETS_MAX, measure()).prop_map(|(limit, to)| Step::Change { limit, to }),
        1 => Just(Step::Restart),
    ];
    vec((pause_ms(), step), 1..80)
}
