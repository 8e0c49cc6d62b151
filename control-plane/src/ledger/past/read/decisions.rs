//! A client's latest decisions, a page at a time.

use std::{collections::VecDeque, fmt, str::FromStr, sync::Arc};

use limiter::{Tokens, UnixMillis, Wait};

use super::{
    Standing,
    client_segment::{ClientSegment, Happened},
};
use crate::ledger::{cost::Cost, past::Segment};

/// Some decisions over a client's requests, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionPage {
    /// The decisions.
    pub decisions: Vec<KeptDecision>,
    /// From when on all decisions are kept.
    pub oldest: UnixMillis,
    /// Before which to go on; `None`: there are no more.
    pub next: Option<DecisionCursor>,
}

/// A decision as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptDecision {
    /// When it was asked for.
    pub at: UnixMillis,
    /// Whether the limits let it pass.
    pub is_admitted: bool,
    /// Whether its filter lets pass what is refused.
    pub in_shadow: bool,
    /// What the request called its model.
    pub model: Option<Arc<str>>,
    /// What it reserved, or would have.
    pub reserved: Tokens,
    /// Of what was refused: by which limit, and the wait until it has a chance.
    pub refusal: Option<(Arc<str>, Wait)>,
    /// When its end was told.
    pub ended: Option<UnixMillis>,
    /// What it was charged in the end, where that is known.
    pub used: Option<Tokens>,
}

/// Behind which decision a list goes on. As text `PROCESS-NUMBER`, in hexadecimal and decimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecisionCursor {
    /// Since when its process keeps decisions, by which processes are told apart.
    pub(super) process: UnixMillis,
    /// Before this request of that process.
    pub(super) number: u64,
}

/// A text is no such cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidDecisionCursor;

impl fmt::Display for DecisionCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.process.0, self.number)
    }
}

impl FromStr for DecisionCursor {
    type Err = InvalidDecisionCursor;

    fn from_str(text: &str) -> Result<Self, InvalidDecisionCursor> {
        let (process, number) = text.split_once('-').ok_or(InvalidDecisionCursor)?;
        let process = u64::from_str_radix(process, 16).map_err(|_| InvalidDecisionCursor)?;
        let number = number.parse().map_err(|_| InvalidDecisionCursor)?;
        let cursor = Self { process: UnixMillis(process), number };
        // Signs, zeroes in front and capitals are none of ours.
        if cursor.to_string() == text { Ok(cursor) } else { Err(InvalidDecisionCursor) }
    }
}

impl DecisionPage {
    pub(super) fn of(
        segments: &[ClientSegment],
        standing: Standing,
        before: u64,
        max: usize,
    ) -> Self {
        let Standing { oldest, since, .. } = standing;
        let (mut found, from) = latest(segments, before, max.saturating_add(1));
        let next = if found.len() > max {
            found.pop_front();
            found.front().map(|(number, _)| DecisionCursor { process: since, number: *number })
        } else {
            None
        };
        note_ends(segments.get(from..).unwrap_or_default(), &mut found);
        let decisions = found.into_iter().rev().map(|(_, decision)| decision).collect();
        Self { decisions, oldest, next }
    }
}

/// Decisions by the numbers of their requests, which grow.
type Found = VecDeque<(u64, KeptDecision)>;

/// The last `max` before this one, and in which segment the first of them is.
fn latest(segments: &[ClientSegment], before: u64, max: usize) -> (Found, usize) {
    let mut found = Found::new();
    let mut from = segments.len();
    for (index, segment) in
        segments.iter().enumerate().rev().filter(|(_, segment)| segment.first() < before)
    {
        let room = max - found.len();
        if room == 0 {
            break;
        }
        let mut of_segment = Found::new();
        segment.go_through(|happened| {
            if let Happened::Asked { number, .. } = happened
                && number < before
            {
                if of_segment.len() == room {
                    of_segment.pop_front();
                }
                of_segment.extend(KeptDecision::of(&happened).map(|decision| (number, decision)));
            }
        });
        if !of_segment.is_empty() {
            from = index;
        }
        of_segment.append(&mut found);
        found = of_segment;
    }
    (found, from)
}

/// Of each what is told of its end.
fn note_ends(segments: &[ClientSegment], found: &mut Found) {
    let Some((first, last)) = found.front().zip(found.back()).map(|(a, b)| (a.0, b.0)) else {
        return;
    };
    for segment in segments {
        segment.go_through(|happened| {
            if let Happened::Ended { number, at, cost, .. } = happened
                && (first..=last).contains(&number)
                && let Ok(place) = found.binary_search_by_key(&number, |(number, _)| *number)
                && let Some((_, decision)) = found.get_mut(place)
            {
                decision.ended = Some(at);
                decision.used = Some(cost.map_or(decision.reserved, Cost::tokens));
            }
        });
    }
}

impl KeptDecision {
    /// `passed` or `refused`.
    pub fn verdict(&self) -> &'static str {
        if self.is_admitted { "passed" } else { "refused" }
    }

    /// How long it was from then until its end was told.
    pub fn duration_ms(&self) -> Option<u64> {
        self.ended.map(|ended| ended.0.saturating_sub(self.at.0))
    }

    fn of(happened: &Happened<'_>) -> Option<Self> {
        let Happened::Asked { at, asked, refusal, segment, .. } = happened else { return None };
        let name = |(limit, wait): &(u32, Wait)| (limit_in(segment, *limit), *wait);
        let model = asked.model.and_then(|place| segment.models.get_shared(usize::from(place)));
        // Whose end nobody waits for is charged what it reserved.
        let is_over = asked.is_admitted && !asked.is_followed;
        Some(Self {
            at: *at,
            is_admitted: asked.is_admitted,
            in_shadow: asked.in_shadow,
            model,
            reserved: asked.reserved,
            refusal: refusal.as_ref().map(name),
            ended: None,
            used: is_over.then_some(asked.reserved),
        })
    }
}

fn limit_in(segment: &Segment, place: u32) -> Arc<str> {
    let place = usize::try_from(place).unwrap_or(usize::MAX);
    segment.limits.get_shared(place).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written_and_in_no_other_way() {
        let cursor = DecisionCursor { process: UnixMillis(0x18f_3c2a), number: 120 };
        assert_eq!(cursor.to_string(), "18f3c2a-120");
        assert_eq!("18f3c2a-120".parse(), Ok(cursor));
        for text in [
            "",
            "-",
            "18f3c2a",
            "18f3c2a-",
            "-120",
            "18F3C2A-120",
            "018f3c2a-120",
            "18f3c2a-+120",
            "+18f3c2a-120",
            "18f3c2a-0120",
            "18f3c2a-1-2",
            "18f3c2g-1",
            "18f3c2a-99999999999999999999",
        ] {
            assert_eq!(text.parse::<DecisionCursor>(), Err(InvalidDecisionCursor), "{text}");
        }
    }
}
