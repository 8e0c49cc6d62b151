//! What is reported to the control plane without a question: ends, cancels and drops of requests.

use limiter::Dimension;
use proto::{
    REPORTS_MAX,
    decision::{Ask, Decision, Drop, FilterFrame, Hello, Settle},
};

use super::{
    lanes::{LANES, Lane},
    response::Report,
};

/// So many reports are worth a frame of their own; fewer wait for the next asks or the tick.
const LARGE: usize = 256;

/// Bounded by the requests in progress, each of which ends once, and by the lanes.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    settles: Vec<Settle>,
    cancels: Vec<u32>,
    /// At most two in each lane, one for each limit; others are sent on their way first.
    drops: Vec<(Lane, Drop)>,
    /// Somebody waits for what one of the settles gives back.
    is_urgent: bool,
}

impl Outbox {
    /// A forwarded request is over. `at_once`: its client may need what it gives back.
    pub(super) fn settle(&mut self, id: u32, report: Report, duration_us: u64, at_once: bool) {
        self.is_urgent |= at_once;
        self.settles.push(Settle {
            id,
            outcome: report.outcome.into(),
            duration_us,
            usage: report.usage.into(),
            used_tokens: report.used_tokens,
            observed_tokens: report.observed_tokens,
        });
    }

    pub(super) fn cancel(&mut self, id: u32) {
        self.cancels.push(id);
    }

    /// A request was refused without an ask.
    pub(super) fn drop(&mut self, lane: Lane, client_id: &str, limit: Dimension) {
        let decision: i32 = match limit {
            Dimension::Rpm => Decision::RpmExceeded.into(),
            Dimension::Tpm => Decision::TpmExceeded.into(),
        };
        let same = self.drops.iter_mut().find(|(in_lane, drop)| {
            *in_lane == lane && drop.client_id == client_id && drop.decision == decision
        });
        if let Some((_, drop)) = same {
            drop.requests = drop.requests.saturating_add(1);
        } else {
            let drop = Drop { client_id: client_id.to_owned(), decision, requests: 1 };
            self.drops.push((lane, drop));
        }
    }

    /// A frame with what is here, as much as a frame may hold.
    pub(super) fn frame(&mut self, hello: Option<Hello>, asks: Vec<Ask>) -> FilterFrame {
        let mut room = REPORTS_MAX;
        let settles = take(&mut self.settles, &mut room);
        let cancels = take(&mut self.cancels, &mut room);
        let drops = take(&mut self.drops, &mut room).into_iter().map(|(_, drop)| drop).collect();
        self.is_urgent &= !self.settles.is_empty();
        FilterFrame { hello, asks, settles, cancels, drops, ..FilterFrame::default() }
    }

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

    /// The stream on which these requests were admitted is lost. Drops belong to no stream, and stay.
    pub(super) fn forget_ends(&mut self) {
        *self = Self { drops: std::mem::take(&mut self.drops), ..Self::default() };
    }

    fn len(&self) -> usize {
        self.settles.len() + self.cancels.len() + self.drops.len()
    }
}

/// Takes the oldest, as many as there is room for.
fn take<T>(from: &mut Vec<T>, room: &mut usize) -> Vec<T> {
    let rest = from.split_off(from.len().min(*room));
    let taken = std::mem::replace(from, rest);
    *room -= taken.len();
    taken
}

#[cfg(test)]
mod tests {
    use super::{super::lanes::Lanes, *};

    #[test]
    fn no_frame_holds_more_than_it_may_and_none_is_lost() {
        let mut outbox = Outbox::default();
        for id in 0..1_500 {
            outbox.cancel(id);
        }
        let sizes: Vec<_> = std::iter::from_fn(|| {
            (!outbox.is_empty()).then(|| outbox.frame(None, Vec::new()).cancels.len())
        })
        .collect();
        assert_eq!(sizes, [1_024, 476]);
    }

    #[test]
    fn drops_of_a_client_are_counted_and_not_listed() {
        let mut outbox = Outbox::default();
        let lane = Lanes::new(1).of("a");
        for limit in [Dimension::Rpm, Dimension::Rpm, Dimension::Tpm] {
            outbox.drop(lane, "a", limit);
        }
        let drops = outbox.frame(None, Vec::new()).drops;
        let counted: Vec<_> = drops.iter().map(|drop| (drop.decision(), drop.requests)).collect();
        assert_eq!(counted, [(Decision::RpmExceeded, 2), (Decision::TpmExceeded, 1)]);
    }
}
