//! Ends of requests, kept until the control plane has acknowledged them: a stream that is lost may
//! have lost them, and then they are told again on the next one.

use std::collections::VecDeque;

use proto::{
    REPORTS_MAX,
    decision::{FilterFrame, Settle},
};

use super::unanswered::Unanswered;
use crate::{clock::Micros, host::RequestId};

/// Ends that are kept, at most: as many requests as the control plane follows of one worker, and
/// some 10 MB. They pile up while it is away and requests end that it had admitted.
const KEPT_MAX: usize = 100_000;

/// What became of a request that the control plane may have heard of.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// It was forwarded, and is over.
    Settle(Settle),
    /// It went without being forwarded.
    Cancel(RequestId),
}

#[derive(Debug, Default)]
pub(super) struct Ends {
    /// Oldest first: those in `frames`, then those that were not sent on this stream.
    kept: VecDeque<End>,
    /// What was sent on this stream and is not acknowledged, oldest first.
    frames: VecDeque<Frame>,
    /// How many are in `frames`.
    sent: usize,
    /// The number of the last frame, over all streams.
    number: u64,
    /// Of the oldest frame, or since the last acknowledgement; `None` before there was any.
    unacknowledged: Option<Unanswered>,
    /// Ends that had to go, and were not told to the operator yet.
    forgotten: u64,
}

#[derive(Debug)]
struct Frame {
    number: u64,
    ends: usize,
}

impl Ends {
    /// Keeps an end. Beyond the bound the oldest goes: what its request holds then stands.
    pub(super) fn keep(&mut self, end: End) {
        if self.kept.len() >= KEPT_MAX {
            self.forget_oldest();
        }
        self.kept.push_back(end);
    }

    /// A frame with the next ends, as many as one may hold; a number if there are any.
    pub(super) fn frame(&mut self, now: Micros) -> FilterFrame {
        let mut frame = FilterFrame::default();
        for end in self.kept.iter().skip(self.sent).take(REPORTS_MAX) {
            match *end {
                End::Settle(settle) => frame.settles.push(settle),
                End::Cancel(id) => frame.cancels.push(id),
            }
        }
        let ends = frame.settles.len() + frame.cancels.len();
        if ends > 0 {
            if self.frames.is_empty() {
                self.unacknowledged = Some(Unanswered::since(now));
            }
            self.number += 1;
            self.sent += ends;
            frame.number = self.number;
            self.frames.push_back(Frame { number: self.number, ends });
        }
        frame
    }

    /// All frames up to this number have taken effect.
    pub(super) fn acknowledge(&mut self, number: u64, now: Micros) {
        while let Some(frame) = self.frames.pop_front_if(|frame| frame.number <= number) {
            self.kept.drain(..frame.ends.min(self.kept.len()));
            self.sent -= frame.ends;
            self.unacknowledged = Some(Unanswered::since(now));
        }
    }

    /// Nobody knows what was heard on the stream: all that is not acknowledged is to be sent again.
    pub(super) fn stream_lost(&mut self) {
        self.frames.clear();
        self.sent = 0;
    }

    /// The requests whose ends are not acknowledged.
    pub(super) fn ids(&self) -> impl Iterator<Item = RequestId> {
        self.kept.iter().map(|end| match end {
            End::Settle(settle) => settle.id,
            End::Cancel(id) => *id,
        })
    }

    /// How many are still to be sent on this stream.
    pub(super) fn unsent(&self) -> usize {
        self.kept.len() - self.sent
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Some milliseconds have passed.
    pub(super) fn tick(&mut self) {
        if let Some(unacknowledged) = &mut self.unacknowledged {
            unacknowledged.tick();
        }
    }

    /// Whether nothing was acknowledged for so long, although something should have been.
    pub(super) fn is_unacknowledged_for(&self, ms: u64, now: Micros) -> bool {
        !self.frames.is_empty()
            && self.unacknowledged.is_some_and(|unacknowledged| unacknowledged.is_for(ms, now))
    }

    /// How many had to go since this was last asked.
    pub(super) fn take_forgotten(&mut self) -> u64 {
        std::mem::take(&mut self.forgotten)
    }

    fn forget_oldest(&mut self) {
        self.kept.pop_front();
        self.forgotten += 1;
        if let Some(frame) = self.frames.front_mut() {
            frame.ends -= 1;
            self.sent -= 1;
            if frame.ends == 0 {
                self.frames.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = Micros(0);

    fn keep(ends: &mut Ends, ids: impl IntoIterator<Item = RequestId>) {
        for id in ids {
            ends.keep(End::Cancel(id));
        }
    }

    /// All that is to be sent, as numbers and ids of frames.
    fn send_all(ends: &mut Ends) -> Vec<(u64, Vec<RequestId>)> {
        let mut frames = Vec::new();
        while ends.unsent() > 0 {
            let frame = ends.frame(NOW);
            frames.push((frame.number, frame.cancels));
        }
        frames
    }

    #[test]
    fn an_end_is_kept_until_its_frame_is_acknowledged() {
        let mut ends = Ends::default();
        keep(&mut ends, [1, 2]);
        assert_eq!(send_all(&mut ends), [(1, vec![1, 2])]);
        keep(&mut ends, [3]);
        assert_eq!(send_all(&mut ends), [(2, vec![3])]);
        ends.acknowledge(0, NOW);
        assert_eq!(ends.ids().collect::<Vec<_>>(), [1, 2, 3]);
        ends.acknowledge(1, NOW);
        assert_eq!(ends.ids().collect::<Vec<_>>(), [3]);
        ends.acknowledge(2, NOW);
        assert!(ends.is_empty());
    }

    #[test]
    fn what_was_not_acknowledged_is_sent_again_first_and_with_a_new_number() {
        let mut ends = Ends::default();
        keep(&mut ends, [1]);
        send_all(&mut ends);
        keep(&mut ends, [2]);
        send_all(&mut ends);
        ends.acknowledge(1, NOW);
        keep(&mut ends, [3]);
        ends.stream_lost();
        assert_eq!(ends.unsent(), 2);
        assert_eq!(send_all(&mut ends), [(3, vec![2, 3])]);
        ends.acknowledge(2, NOW);
        assert!(!ends.is_empty(), "that was said of frames of the stream before");
    }

    #[test]
    fn a_frame_without_ends_has_no_number() {
        assert_eq!(Ends::default().frame(NOW), FilterFrame::default());
    }

    #[test]
    fn no_more_than_so_many_are_kept_and_the_oldest_go() {
        let kept_max = u32::try_from(KEPT_MAX).unwrap();
        let mut ends = Ends::default();
        keep(&mut ends, 0..1_500);
        let sent = [ends.frame(NOW).cancels.len(), ends.frame(NOW).cancels.len()];
        assert_eq!(sent, [1_024, 476]);
        keep(&mut ends, 1_500..kept_max + 1_100);
        assert_eq!(ends.ids().count(), KEPT_MAX);
        assert_eq!(ends.ids().next(), Some(1_100));
        assert_eq!(ends.take_forgotten(), 1_100);
        assert_eq!(ends.take_forgotten(), 0);

        ends.acknowledge(1, NOW);
        assert_eq!(ends.ids().next(), Some(1_100), "that frame's ends have gone already");
        ends.acknowledge(2, NOW);
        assert_eq!(ends.ids().next(), Some(1_500));
        assert_eq!(ends.unsent(), ends.ids().count());
    }
}
