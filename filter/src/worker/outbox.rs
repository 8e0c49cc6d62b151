//! What is reported to the control plane without a question: ends and drops of requests.

use limiter::Dimension;
use proto::{
    DROPPED_MAX, REPORTS_MAX,
    decision::{Decision, Drop, FilterFrame, Settle},
};

use super::{
    ends::{End, Ends},
    lanes::{LANES, Lane},
    response::Report,
};
use crate::{clock::Micros, host::RequestId, verdict::Limit};

/// So many reports are worth a frame of their own; fewer wait for the next asks or the tick.
const LARGE: usize = 256;

/// Bounded by the ends that are kept, and by the lanes.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Kept until they are acknowledged.
    pub(super) ends: Ends,
    /// A few in each lane: its refusal that is remembered changes only with a verdict, and each
    /// answer is followed by a frame that takes these along.
    drops: Vec<(Lane, Drop)>,
    /// Somebody waits for what one of the settles gives back.
    is_urgent: bool,
}

impl Outbox {
    /// A forwarded request is over. `at_once`: its client may need what it gives back.
    pub(super) fn settle(
        &mut self,
        id: RequestId,
        report: Report,
        duration_us: u64,
        at_once: bool,
    ) {
        self.is_urgent |= at_once;
        self.ends.keep(End::Settle(Settle {
            id,
            outcome: report.outcome.into(),
            duration_us,
            usage: report.usage.into(),
            used_tokens: report.used_tokens,
            observed_tokens: report.observed_tokens,
            upstream_status: report.upstream_status.map(u32::from),
            cut_by_upstream: report.cut_by_upstream,
        }));
    }

    /// A request that was asked for has gone without being forwarded.
    pub(super) fn cancel(&mut self, id: RequestId) {
        self.ends.keep(End::Cancel(id));
    }

    /// A request was refused without an ask.
    pub(super) fn drop(&mut self, lane: Lane, client_id: &str, limit: Limit<'_>) {
        let (decision, name) = match limit {
            Limit::Own(Dimension::Rpm) => (Decision::RpmExceeded, ""),
            Limit::Own(Dimension::Tpm) => (Decision::TpmExceeded, ""),
            Limit::Named(name) => (Decision::LimitExceeded, name.as_str()),
        };
        let decision = decision.into();
        let same = self.drops.iter_mut().find(|(in_lane, drop)| {
            *in_lane == lane
                && drop.client_id == client_id
                && drop.decision == decision
                && drop.limit == name
        });
        if let Some((_, drop)) = same {
            // More in one frame would not be believed.
            drop.requests = (drop.requests + 1).min(DROPPED_MAX);
        } else {
            let (client_id, limit) = (client_id.to_owned(), name.to_owned());
            let drop = Drop { client_id, decision, requests: 1, limit };
            self.drops.push((lane, drop));
        }
    }

    /// A frame with what is to be sent, as much as a frame may hold. Drops are statistics, and are
    /// sent once, whether they are heard or not.
    pub(super) fn frame(&mut self, now: Micros) -> FilterFrame {
        let mut frame = self.ends.frame(now);
        self.is_urgent &= self.ends.unsent() > 0;
        let room = REPORTS_MAX - (frame.settles.len() + frame.cancels.len()).min(REPORTS_MAX);
        let taken = self.drops.drain(..room.min(self.drops.len()));
        frame.drops = taken.map(|(_, drop)| drop).collect();
        frame
    }

    /// Whether there is nothing to send.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is worth a frame of its own.
    pub(super) fn is_large(&self) -> bool {
        self.len() >= LARGE || self.drops.len() >= LANES
    }

    /// Whether somebody waits for it.
    pub(super) fn is_urgent(&self) -> bool {
        self.is_urgent
    }

    fn len(&self) -> usize {
        self.ends.unsent() + self.drops.len()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::lanes::Lanes, *};
    use crate::verdict::LimitName;

    const NOW: Micros = Micros(0);

    #[test]
    fn no_frame_holds_more_than_it_may_and_none_is_lost() {
        let mut outbox = Outbox::default();
        for id in 0..1_500 {
            outbox.cancel(id);
        }
        let sizes: Vec<_> =
            std::iter::from_fn(|| (!outbox.is_empty()).then(|| outbox.frame(NOW).cancels.len()))
                .collect();
        assert_eq!(sizes, [1_024, 476]);
    }

    #[test]
    fn drops_of_a_client_are_counted_and_not_listed() {
        let mut outbox = Outbox::default();
        let lane = Lanes::new(1).of("a");
        let [org, day] = ["org", "day"].map(|name| LimitName::parse(name.to_owned()).unwrap());
        for limit in [
            Limit::Own(Dimension::Rpm),
            Limit::Own(Dimension::Rpm),
            Limit::Own(Dimension::Tpm),
            Limit::Named(&org),
            Limit::Named(&day),
            Limit::Named(&org),
        ] {
            outbox.drop(lane, "a", limit);
        }
        let drops = outbox.frame(NOW).drops;
        let counted: Vec<_> =
            drops.iter().map(|drop| (drop.decision(), &*drop.limit, drop.requests)).collect();
        assert_eq!(
            counted,
            [
                (Decision::RpmExceeded, "", 2),
                (Decision::TpmExceeded, "", 1),
                (Decision::LimitExceeded, "org", 2),
                (Decision::LimitExceeded, "day", 1),
            ]
        );
    }

    #[test]
    fn a_drop_counts_no_more_than_a_frame_may_tell() {
        let mut outbox = Outbox::default();
        let lane = Lanes::new(1).of("a");
        for _ in 0..=DROPPED_MAX {
            outbox.drop(lane, "a", Limit::Own(Dimension::Rpm));
        }
        let counted: Vec<_> = outbox.frame(NOW).drops.iter().map(|drop| drop.requests).collect();
        assert_eq!(counted, [DROPPED_MAX]);
    }
}
