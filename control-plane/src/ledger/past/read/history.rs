//! A client's last hour, minute by minute.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use limiter::{Tokens, UnixMillis};

use super::client_segment::{ClientSegment, Happened};
use crate::ledger::cost::Cost;

const MINUTE_MS: u64 = 60_000;

/// How many minutes are told, the one that is not over among them.
pub const HISTORY_MINUTES: usize = 60;

/// What became of a client's requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// When the first minute began that would be told.
    pub from: UnixMillis,
    /// From when on all decisions are kept.
    pub oldest: UnixMillis,
    /// Each minute that was not over by then, the oldest first.
    pub points: Vec<HistoryPoint>,
}

/// One minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryPoint {
    /// When it began.
    pub at: UnixMillis,
    /// Requests that asked.
    pub requests: u64,
    /// Those that were refused.
    pub refused: u64,
    /// Those that were refused where filters let pass what is.
    pub refused_in_shadow: u64,
    /// The tokens that those reserved which limits let pass.
    pub reserved: u64,
    /// The tokens that requests were charged in the end which ended in it.
    pub used: u64,
}

/// The minutes, by when they are.
struct Minutes {
    first: u64,
    points: Vec<HistoryPoint>,
}

impl History {
    pub(super) fn of(segments: &[ClientSegment], oldest: UnixMillis, now: UnixMillis) -> Self {
        let last = minute(now);
        let from = last.saturating_sub(HISTORY_MINUTES as u64 - 1);
        let mut minutes = Minutes::of(from.max(minute(oldest)).min(last), last);
        for (segment, next) in segments.iter().zip(segments.iter().skip(1).map(Some).chain([None]))
        {
            let is_before = next.is_some_and(|next| minute(next.began()) < from);
            if !is_before {
                minutes.count(segment);
            }
        }
        Self { from: UnixMillis(from * MINUTE_MS), oldest, points: minutes.points }
    }
}

impl Minutes {
    fn of(first: u64, last: u64) -> Self {
        let point =
            |minute| HistoryPoint { at: UnixMillis(minute * MINUTE_MS), ..HistoryPoint::default() };
        Self { first, points: (first..=last).map(point).collect() }
    }

    fn count(&mut self, segment: &ClientSegment) {
        // What asked in an earlier segment is told with its end.
        let mut open: HashMap<u64, Tokens, RandomState> = HashMap::default();
        segment.go_through(|happened| match happened {
            Happened::Asked { number, at, asked, .. } => {
                let reserved = asked.reserved;
                if asked.is_admitted && asked.is_followed {
                    open.insert(number, reserved);
                }
                let Some(point) = self.at(at) else { return };
                point.requests += 1;
                if asked.is_admitted {
                    add(&mut point.reserved, reserved);
                    if !asked.is_followed {
                        add(&mut point.used, reserved);
                    }
                } else if asked.in_shadow {
                    point.refused_in_shadow += 1;
                } else {
                    point.refused += 1;
                }
            }
            Happened::Ended { number, at, cost, reserved } => {
                if let Some(reserved) = reserved.or_else(|| open.remove(&number))
                    && let Some(point) = self.at(at)
                {
                    add(&mut point.used, cost.map_or(reserved, Cost::tokens));
                }
            }
        });
    }

    fn at(&mut self, at: UnixMillis) -> Option<&mut HistoryPoint> {
        let place = minute(at).checked_sub(self.first)?;
        self.points.get_mut(usize::try_from(place).ok()?)
    }
}

fn minute(at: UnixMillis) -> u64 {
    at.0 / MINUTE_MS
}

fn add(sum: &mut u64, tokens: Tokens) {
    *sum = sum.saturating_add(tokens.get());
}
