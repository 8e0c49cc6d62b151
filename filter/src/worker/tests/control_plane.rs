//! A control plane that keeps what the protocol promises, behind a network that keeps nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use proto::{
    ASKS_MAX, REPORTS_MAX, RESUMED_MAX,
    decision::{
        Ask, ControlFrame, Decision, FilterFrame, Outcome, Resume, Verdict, Welcome, verdict::Wait,
    },
};

use super::fake::{Bench, NAME, SPENT};
use crate::host::{RequestId, StreamToken};

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Settled(Outcome),
    Canceled,
}

/// What it knows of the one worker that there is, and the streams to it.
#[derive(Debug, Default)]
pub(super) struct ControlPlane {
    streams: BTreeMap<StreamToken, Stream>,
    decided: BTreeMap<RequestId, Decision>,
    /// Admitted, and not ended.
    held: BTreeSet<RequestId>,
    ended: BTreeMap<RequestId, End>,
}

#[derive(Debug, Default)]
struct Stream {
    inbound: VecDeque<FilterFrame>,
    outbound: VecDeque<ControlFrame>,
    said_hello: bool,
    has_name: bool,
    /// What of the resume has come; `None` when it is complete.
    resumed: Option<Vec<RequestId>>,
    number: u64,
    acknowledged: u64,
}

impl ControlPlane {
    /// What the worker has sent is on its way.
    pub(super) fn take(&mut self, frames: &[(StreamToken, FilterFrame)]) {
        for (stream, frame) in frames {
            self.streams.entry(*stream).or_default().inbound.push_back(frame.clone());
        }
    }

    /// Reads the next frame of one of the streams; a newer one ends all before it with its hello.
    pub(super) fn read(&mut self, choose: impl FnOnce(usize) -> usize) {
        let has_frames = self.streams.iter().filter(|(_, stream)| !stream.inbound.is_empty());
        let readable: Vec<_> = has_frames.map(|(token, _)| *token).collect();
        if !readable.is_empty() {
            self.read_on(readable[choose(readable.len())]);
        }
    }

    fn read_on(&mut self, token: StreamToken) {
        let stream = self.streams.get_mut(&token).unwrap();
        let frame = stream.inbound.pop_front().unwrap();
        let is_first = !std::mem::replace(&mut stream.said_hello, true);
        stream.check(&frame, is_first);
        if let Some(Resume { ids, more }) = &frame.resume {
            let resumed = stream.resumed.as_mut().expect("a resume is not over");
            resumed.extend(ids);
            if !more {
                let resumed: BTreeSet<_> = stream.resumed.take().unwrap().into_iter().collect();
                let not_named: Vec<_> = self.held.difference(&resumed).collect();
                assert!(not_named.is_empty(), "{not_named:?} are held and not named");
            }
        }
        self.end(&frame);
        let verdicts: Vec<_> = frame.asks.iter().map(|ask| self.decide(ask)).collect();
        if is_first {
            self.streams.retain(|older, _| *older >= token);
        }
        let stream = self.streams.get_mut(&token).unwrap();
        stream.number = stream.number.max(frame.number);
        let welcome = Welcome { protocol_version: 1, worker: NAME.to_vec() };
        if is_first || !verdicts.is_empty() {
            stream.acknowledged = stream.number;
            stream.outbound.push_back(ControlFrame {
                welcome: is_first.then_some(welcome),
                verdicts,
                acknowledged: stream.number,
            });
        }
    }

    /// An ask is known by its id: asked again it is answered with what was decided.
    fn decide(&mut self, ask: &Ask) -> Verdict {
        let id = ask.id;
        let decision = *self.decided.entry(id).or_insert_with(|| {
            let decision = match id % 11 {
                3 | 7 => Decision::RpmExceeded,
                5 => Decision::Unspecified,
                _ => Decision::Admitted,
            };
            if decision == Decision::Admitted {
                self.held.insert(id);
            }
            decision
        });
        Verdict {
            id,
            decision: decision.into(),
            wait: Some(Wait::RetryAfterMs(1)),
            requests: Some(SPENT),
            settle_at_once: id.is_multiple_of(3),
            ..Verdict::default()
        }
    }

    /// An end of an id that is not held changes nothing.
    fn end(&mut self, frame: &FilterFrame) {
        let settles = frame.settles.iter().map(|end| (end.id, End::Settled(end.outcome())));
        let cancels = frame.cancels.iter().map(|id| (*id, End::Canceled));
        for (id, end) in settles.chain(cancels) {
            if self.held.remove(&id) {
                self.ended.insert(id, end);
            }
            if let Some(first) = self.ended.get(&id) {
                assert_eq!(*first, end, "{id} ended twice, and not in the same way");
            }
        }
    }

    /// Says on each stream what has taken effect.
    pub(super) fn acknowledge(&mut self) {
        for stream in self.streams.values_mut().filter(|stream| stream.acknowledged < stream.number)
        {
            stream.acknowledged = stream.number;
            let acknowledged = stream.number;
            stream.outbound.push_back(ControlFrame { acknowledged, ..ControlFrame::default() });
        }
    }

    /// The next answer that arrives, on one of the streams that are open.
    pub(super) fn arriving(
        &mut self,
        bench: &Bench,
        choose: impl FnOnce(usize) -> usize,
    ) -> Option<(StreamToken, ControlFrame)> {
        let is_heard = |token| bench.host.open.contains(&token) || bench.is_half_closed(token);
        let mut arriving: Vec<_> = self
            .streams
            .iter_mut()
            .filter(|(token, stream)| is_heard(**token) && !stream.outbound.is_empty())
            .collect();
        let chosen = (!arriving.is_empty()).then(|| choose(arriving.len()))?;
        let (token, stream) = arriving.swap_remove(chosen);
        Some((*token, stream.outbound.pop_front()?))
    }

    /// The process dies, and nothing that it knew was written down.
    pub(super) fn forget_everything(&mut self) {
        *self = Self::default();
    }

    pub(super) fn held(&self) -> &BTreeSet<RequestId> {
        &self.held
    }

    /// How each request ended that was admitted, by id.
    pub(super) fn ended(&self) -> &BTreeMap<RequestId, End> {
        &self.ended
    }
}

impl Stream {
    /// What the protocol says of a frame.
    fn check(&mut self, frame: &FilterFrame, is_first: bool) {
        let ends = frame.settles.len() + frame.cancels.len();
        assert_eq!(frame.hello.is_some(), is_first, "{frame:?}");
        if let Some(hello) = &frame.hello {
            self.has_name = !hello.worker.is_empty();
            self.resumed = self.has_name.then(Vec::new);
            if !self.has_name {
                let bare = FilterFrame { hello: Some(hello.clone()), ..FilterFrame::default() };
                assert_eq!(*frame, bare, "it has no name yet");
            }
        }
        assert_eq!(frame.resume.is_some(), self.resumed.is_some(), "{frame:?}");
        let goes_on = frame.resume.as_ref().is_some_and(|part| part.more);
        assert!(!goes_on || (ends == 0 && frame.asks.is_empty()), "the resume is not over");
        assert!(frame.resume.as_ref().is_none_or(|part| part.ids.len() <= RESUMED_MAX));
        assert!(ends + frame.drops.len() <= REPORTS_MAX && frame.asks.len() <= ASKS_MAX);
        assert_eq!(frame.number > self.number, ends > 0, "{} after {}", frame.number, self.number);
        assert!(ends > 0 || frame.number == 0);
        let asked: HashSet<_> = frame.asks.iter().map(|ask| ask.id).collect();
        assert_eq!(asked.len(), frame.asks.len(), "asked twice in a frame");
    }
}
