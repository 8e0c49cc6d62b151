//! What the upstream made of a request, as it is counted.

use std::ops::RangeInclusive;

use crate::ledger::Outcome;

/// What a status can be; anything else is no figure. A 999 is some upstreams' word for a failure.
const STATUSES: RangeInclusive<u32> = 100..=999;

/// The answer of the upstream, or why there was none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UpstreamAnswer {
    /// It answered as it should.
    Ok,
    /// It began such an answer, and broke off.
    Cut,
    /// It began such an answer, and the client did not stay.
    Left,
    Redirect,
    /// Its own limits are reached.
    Throttled,
    /// It does not know the key that it was given, or what the key may do.
    Unauthorized,
    /// It refused the request for anything else.
    Refused,
    /// It failed, and said so.
    Failed,
    /// Envoy gave up waiting.
    Timeout,
    /// Envoy could not reach it, or lost it before it answered.
    Unreachable,
    /// The client went away before it answered.
    LeftBefore,
    /// Envoy or another filter answered in its place.
    Other,
}

/// By answer: the values of `class` and `reason`.
pub(super) const UPSTREAM_ANSWERS: [(UpstreamAnswer, [&str; 2]); 12] = [
    (UpstreamAnswer::Ok, ["2xx", "ok"]),
    (UpstreamAnswer::Cut, ["2xx", "cut"]),
    (UpstreamAnswer::Left, ["2xx", "left"]),
    (UpstreamAnswer::Redirect, ["3xx", "redirect"]),
    (UpstreamAnswer::Throttled, ["4xx", "throttled"]),
    (UpstreamAnswer::Unauthorized, ["4xx", "unauthorized"]),
    (UpstreamAnswer::Refused, ["4xx", "refused"]),
    (UpstreamAnswer::Failed, ["5xx", "failed"]),
    (UpstreamAnswer::Timeout, ["none", "timeout"]),
    (UpstreamAnswer::Unreachable, ["none", "unreachable"]),
    (UpstreamAnswer::LeftBefore, ["none", "left"]),
    (UpstreamAnswer::Other, ["none", "other"]),
];

impl UpstreamAnswer {
    /// Of a request that ended so, whose response had this status if the upstream made it.
    pub(super) fn of(outcome: Outcome, status: Option<u32>, cut_by_upstream: bool) -> Self {
        let status = status.filter(|status| STATUSES.contains(status));
        match (outcome, status) {
            (Outcome::TimedOut, _) => Self::Timeout,
            (Outcome::Aborted, Some(_)) if cut_by_upstream => Self::Cut,
            (Outcome::Aborted, Some(_)) => Self::Left,
            (Outcome::Aborted, None) => Self::LeftBefore,
            (Outcome::UpstreamFailed, None) => Self::Unreachable,
            (Outcome::UpstreamRefused | Outcome::Completed, None) => Self::Other,
            (_, Some(status)) => Self::with_status(status),
        }
    }

    fn with_status(status: u32) -> Self {
        match status {
            0..300 => Self::Ok,
            300..400 => Self::Redirect,
            429 => Self::Throttled,
            401 | 403 => Self::Unauthorized,
            400..500 => Self::Refused,
            500.. => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(outcome: Outcome, status: Option<u32>, cut_by_upstream: bool) -> String {
        let answer = UpstreamAnswer::of(outcome, status, cut_by_upstream);
        let (_, labels) = UPSTREAM_ANSWERS.iter().find(|(counted, _)| *counted == answer).unwrap();
        labels.join(" ")
    }

    #[test]
    fn an_answer_is_counted_by_its_status() {
        for (statuses, expected) in [
            (&[100, 200, 299][..], "2xx ok"),
            (&[300, 304, 399], "3xx redirect"),
            (&[400, 404, 499], "4xx refused"),
            (&[401, 403], "4xx unauthorized"),
            (&[429], "4xx throttled"),
            (&[500, 599, 999], "5xx failed"),
        ] {
            let outcome = match statuses {
                [0..=299, ..] => Outcome::Completed,
                [300..=499, ..] => Outcome::UpstreamRefused,
                _ => Outcome::UpstreamFailed,
            };
            for status in statuses {
                assert_eq!(counted(outcome, Some(*status), false), expected, "{status}");
            }
        }
    }

    #[test]
    fn what_is_no_answer_of_the_upstreams_has_no_class_and_says_why() {
        assert_eq!(counted(Outcome::TimedOut, None, false), "none timeout");
        assert_eq!(counted(Outcome::UpstreamFailed, None, false), "none unreachable");
        assert_eq!(counted(Outcome::UpstreamRefused, None, false), "none other");
        assert_eq!(counted(Outcome::Aborted, None, false), "none left");
    }

    #[test]
    fn who_broke_off_an_answer_that_had_begun_is_told_apart() {
        assert_eq!(counted(Outcome::Aborted, Some(200), true), "2xx cut");
        assert_eq!(counted(Outcome::Aborted, Some(200), false), "2xx left");
    }

    #[test]
    fn a_status_that_no_upstream_can_have_is_none() {
        for status in [0, 99, 1_000, u32::MAX] {
            assert_eq!(counted(Outcome::Completed, Some(status), false), "none other", "{status}");
        }
    }
}
