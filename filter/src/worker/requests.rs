//! The worker's requests: queued, asked, forwarded.

use std::collections::{HashMap, VecDeque};

use limiter::Tokens;
use proto::decision::Ask;

use super::{
    DECIDED_PER_CALL_MAX,
    lanes::{LANE_LEN_MAX, Lane, Lanes},
    response::Response,
    unanswered::Unanswered,
};
use crate::{
    access_log::Entry, clock::Micros, host::RequestId, reply::BodyFormat,
    request_headers::RequestHeaders, request_kind::RequestKind,
};

/// Requests that wait for a verdict, at most; beyond it the longest lanes make room.
const WAITING_MAX: usize = 10_000;

/// Entries of a queue, at most. Clients that come and go while nothing is answered leave entries
/// behind; at this length those are swept out, which is seldom enough to cost next to nothing.
const QUEUED_MAX: usize = 2 * WAITING_MAX;

/// Asks in one frame, and so verdicts in its answer, at most.
const BATCH_MAX: usize = DECIDED_PER_CALL_MAX;

#[derive(Debug)]
pub(super) struct Requests {
    /// Every request that waits or was forwarded. The queues below may name ones that have gone.
    states: HashMap<RequestId, State>,
    waiting: usize,
    /// Not sent yet.
    queue: Lanes,
    /// Sent and not answered. More than one frame would make smaller batches, and so more work.
    in_flight: Option<Frame>,
    /// When each waiting request's time is over, earliest first.
    deadlines: VecDeque<(Micros, RequestId)>,
}

/// How far a request has come.
#[derive(Debug)]
pub(super) enum State {
    Waiting(Waiting),
    Forwarded(Forwarded),
}

/// A request without a verdict.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) started: Micros,
    deadline: Micros,
    ask: AskIs,
    lane: Lane,
    pub(super) kind: RequestKind,
    /// As the request names it.
    pub(super) model: Option<Box<str>>,
    /// In whose form it is told that it does not pass.
    pub(super) body_format: BodyFormat,
}

/// Where a waiting request's ask is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AskIs {
    Queued,
    Sent,
    /// It was sent, on a stream that was lost.
    QueuedAgain,
}

/// A request on its way to the upstream or back, of which the control plane may have heard.
#[derive(Debug)]
pub(super) struct Forwarded {
    pub(super) started: Micros,
    pub(super) response: Response,
    /// What the access log is told at its end, where there is one.
    pub(super) entry: Option<Box<Entry>>,
}

/// A frame that was sent and not answered.
#[derive(Debug)]
struct Frame {
    asks: Vec<Ask>,
    unanswered: Unanswered,
}

/// Whether a further request may wait.
#[derive(Debug)]
pub(super) enum Room {
    Free,
    /// This one had to go for it.
    InPlaceOf(RequestId, Waiting),
    None,
}

/// A request that is to wait for its verdict.
#[derive(Debug)]
pub(super) struct Arrival<'a> {
    pub(super) id: RequestId,
    pub(super) headers: &'a RequestHeaders<'a>,
    /// The model that it names.
    pub(super) model: Option<&'a str>,
    pub(super) body_format: BodyFormat,
    pub(super) started: Micros,
    pub(super) deadline: Micros,
}

impl Waiting {
    /// Whether the control plane may have heard of it, on whatever stream, and may have charged it.
    pub(super) fn may_be_charged(&self) -> bool {
        self.ask != AskIs::Queued
    }

    fn is_queued(&self) -> bool {
        self.ask != AskIs::Sent
    }
}

impl Requests {
    /// None yet; `seed` decides which clients share a lane.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            states: HashMap::new(),
            waiting: 0,
            queue: Lanes::new(seed),
            in_flight: None,
            deadlines: VecDeque::new(),
        }
    }

    /// The lane of who asks.
    pub(super) fn lane(&self, who: &[u8]) -> Lane {
        self.queue.of(who)
    }

    /// The control plane has said whether who asked is configured; the lane from now on.
    pub(super) fn learn(&mut self, who: &[u8], is_configured: bool) -> Lane {
        self.queue.learn(who, is_configured)
    }

    /// Whether so many wait in a lane that it may soon be full.
    pub(super) fn is_crowded(&self, lane: Lane) -> bool {
        self.queue.lane_len(lane) >= LANE_LEN_MAX / 2
    }

    /// Whether one more request may wait in `lane`. Where as many wait as may, the newest of the
    /// longest lane has to go for it, and waits no longer.
    pub(super) fn make_room(&mut self, lane: Lane) -> Room {
        if self.queue.is_full(lane) {
            let states = &self.states;
            self.queue.sweep(lane, |id| waits(states, id));
        }
        if self.queue.is_full(lane) {
            return Room::None;
        }
        if self.waiting < WAITING_MAX {
            return Room::Free;
        }
        while let Some((its_lane, ask)) = self.queue.make_room(lane) {
            let dropped = self.drop_waiting(ask.id);
            self.queue.discount_gone(its_lane);
            if let Some(waiting) = dropped {
                return Room::InPlaceOf(ask.id, waiting);
            }
        }
        Room::None
    }

    /// Queues a request that there is room for.
    pub(super) fn ask(&mut self, arrival: &Arrival<'_>) {
        let &Arrival { id, headers, model, body_format, started, deadline } = arrival;
        self.sweep();
        let lane = self.queue.of(headers.who.as_bytes());
        let kind = headers.kind;
        let ask = AskIs::Queued;
        let waiting = Waiting {
            started,
            deadline,
            ask,
            lane,
            kind,
            model: model.map(Into::into),
            body_format,
        };
        self.states.insert(id, State::Waiting(waiting));
        self.waiting += 1;
        self.deadlines.push_back((deadline, id));
        let ask = Ask {
            id,
            who: Some(headers.who.on_the_wire()),
            tokens: headers.tokens.map(Tokens::get),
            kind: kind.on_the_wire().into(),
            model: model.unwrap_or_default().to_owned(),
        };
        self.queue.push_back(lane, ask);
    }

    /// Whether the group commit lets a further frame go out.
    pub(super) fn may_send(&self) -> bool {
        self.in_flight.is_none()
    }

    /// Takes the next frame's asks; requests that have gone are left out.
    pub(super) fn next_batch(&mut self) -> Vec<Ask> {
        let mut batch = Vec::with_capacity(self.queue.len().min(BATCH_MAX));
        while batch.len() < BATCH_MAX
            && let Some((lane, ask)) = self.queue.pop()
        {
            if let Some(State::Waiting(waiting)) = self.states.get_mut(&ask.id) {
                waiting.ask = AskIs::Sent;
                batch.push(ask);
            } else {
                self.queue.discount_gone(lane);
            }
        }
        batch
    }

    /// A frame with these asks is on its way; an empty one is a bare hello.
    pub(super) fn sent(&mut self, asks: Vec<Ask>, now: Micros) {
        self.in_flight = Some(Frame { asks, unanswered: Unanswered::since(now) });
    }

    /// The frame was answered: what was asked in it, `None` when there is no such frame.
    pub(super) fn frame_answered(&mut self) -> Option<Vec<Ask>> {
        Some(self.in_flight.take()?.asks)
    }

    /// Some milliseconds have passed.
    pub(super) fn tick(&mut self) {
        if let Some(frame) = &mut self.in_flight {
            frame.unanswered.tick();
        }
    }

    /// Whether a frame is unanswered for so long.
    pub(super) fn is_unanswered_for(&self, ms: u64, now: Micros) -> bool {
        self.in_flight.as_ref().is_some_and(|frame| frame.unanswered.is_for(ms, now))
    }

    /// Those of which the control plane may have heard.
    pub(super) fn may_be_charged(&self) -> impl Iterator<Item = RequestId> {
        self.states.iter().filter_map(|(id, state)| match state {
            State::Waiting(waiting) => waiting.may_be_charged().then_some(*id),
            State::Forwarded(_) => Some(*id),
        })
    }

    /// Puts what was sent and not answered back to the front of the queue.
    pub(super) fn requeue_unanswered(&mut self) {
        let Some(frame) = self.in_flight.take() else { return };
        for ask in frame.asks.into_iter().rev() {
            if let Some(State::Waiting(waiting)) = self.states.get_mut(&ask.id) {
                waiting.ask = AskIs::QueuedAgain;
                self.queue.push_front(waiting.lane, ask);
            }
        }
    }

    /// A waiting request goes on to the upstream; since when it waited, `None` when it does not.
    pub(super) fn forward(
        &mut self,
        id: RequestId,
        forwarded: impl FnOnce(&Waiting) -> Forwarded,
    ) -> Option<Micros> {
        let state = self.states.get_mut(&id)?;
        let State::Waiting(waiting) = &*state else { return None };
        let forwarded = State::Forwarded(forwarded(waiting));
        let State::Waiting(waiting) = std::mem::replace(state, forwarded) else { return None };
        self.no_longer_waits(&waiting);
        Some(waiting.started)
    }

    /// A request that waited goes on to the upstream without a verdict. It may have been charged,
    /// and so it is followed to its end.
    pub(super) fn forward_undecided(
        &mut self,
        id: RequestId,
        waiting: &Waiting,
        entry: Option<Box<Entry>>,
    ) {
        let &Waiting { started, kind, .. } = waiting;
        let response = Response::of_undecided(kind);
        self.states.insert(id, State::Forwarded(Forwarded { started, response, entry }));
    }

    /// The response of a request that was forwarded.
    pub(super) fn response(&mut self, id: RequestId) -> Option<&mut Response> {
        match self.states.get_mut(&id)? {
            State::Forwarded(forwarded) => Some(&mut forwarded.response),
            State::Waiting(_) => None,
        }
    }

    /// A waiting request is not followed further; `None` when it does not wait.
    pub(super) fn drop_waiting(&mut self, id: RequestId) -> Option<Waiting> {
        match self.states.get(&id)? {
            State::Waiting(_) => match self.end(id)? {
                State::Waiting(waiting) => Some(waiting),
                State::Forwarded(_) => None,
            },
            State::Forwarded(_) => None,
        }
    }

    /// A request is over; how far it had come.
    pub(super) fn end(&mut self, id: RequestId) -> Option<State> {
        let state = self.states.remove(&id)?;
        if let State::Waiting(waiting) = &state {
            self.no_longer_waits(waiting);
        }
        Some(state)
    }

    fn no_longer_waits(&mut self, waiting: &Waiting) {
        self.waiting -= 1;
        if waiting.is_queued() {
            self.queue.count_gone(waiting.lane);
        }
    }

    fn sweep(&mut self) {
        let states = &self.states;
        if self.queue.len() >= QUEUED_MAX {
            self.queue.sweep_all(|id| waits(states, id));
        }
        if self.deadlines.len() >= QUEUED_MAX {
            self.deadlines.retain(|(_, id)| waits(states, *id));
        }
    }

    /// The next waiting request whose time is over.
    pub(super) fn next_overdue(&mut self, now: Micros) -> Option<RequestId> {
        while let Some(&(due, id)) = self.deadlines.front() {
            match self.states.get(&id) {
                Some(State::Waiting(waiting)) if waiting.deadline == due => {
                    return (due <= now).then_some(id);
                }
                _ => self.deadlines.pop_front(),
            };
        }
        None
    }
}

#[cfg(test)]
impl Requests {
    /// Whether nothing is kept of any.
    pub(super) fn are_none(&self) -> bool {
        self.states.is_empty()
            && self.waiting == 0
            && self.queue.len() == 0
            && self.queue.gone() == 0
            && self.in_flight.is_none()
            && self.deadlines.is_empty()
    }
}

fn waits(states: &HashMap<RequestId, State>, id: RequestId) -> bool {
    matches!(states.get(&id), Some(State::Waiting(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Who;

    fn arrive(requests: &mut Requests, id: RequestId, client_id: &str) -> bool {
        let (who, kind) = (Who::ClientId(client_id), RequestKind::Generates);
        let headers = RequestHeaders { who, tokens: Some(Tokens::ZERO), kind };
        let lane = requests.lane(client_id.as_bytes());
        let there_is_room = !matches!(requests.make_room(lane), Room::None);
        if there_is_room {
            requests.ask(&Arrival {
                id,
                headers: &headers,
                model: None,
                body_format: BodyFormat::Flowguard,
                started: Micros(0),
                deadline: Micros(1),
            });
        }
        there_is_room
    }

    #[test]
    fn requests_that_come_and_go_while_nothing_is_answered_leave_a_bounded_trace() {
        for ids in [1, 100_000] {
            let mut requests = Requests::new(1);
            assert!(arrive(&mut requests, 0, "client"));
            for id in 1..=200_000 {
                let client = format!("client-{}", id % ids);
                assert!(arrive(&mut requests, id, &client), "{id} of {ids} clients");
                assert!(matches!(requests.end(id), Some(State::Waiting(_))));
            }
            assert!(requests.queue.len() <= QUEUED_MAX, "{}", requests.queue.len());
            assert!(requests.deadlines.len() <= QUEUED_MAX, "{}", requests.deadlines.len());
            assert_eq!(requests.next_batch().len(), 1, "the one that stayed");
        }
    }

    #[test]
    fn an_ask_whose_request_goes_is_counted_while_it_stands_in_the_queue_and_never_else() {
        let mut requests = Requests::new(1);
        for id in 1..=3 {
            arrive(&mut requests, id, "client");
        }
        assert!(requests.end(1).is_some());
        assert_eq!(requests.queue.gone(), 1, "it was never asked for");

        let asks = requests.next_batch();
        assert_eq!((asks.len(), requests.queue.gone()), (2, 0));
        requests.sent(asks, Micros(0));
        assert!(requests.end(2).is_some());
        assert_eq!(requests.queue.gone(), 0, "its ask is under way");

        requests.requeue_unanswered();
        assert!(requests.end(3).is_some());
        assert_eq!(requests.queue.gone(), 1, "its ask is in the queue again");
        assert!(requests.next_batch().is_empty());
        assert_eq!(requests.queue.gone(), 0);
    }

    #[test]
    fn a_full_lane_takes_no_more_and_harms_no_other() {
        let mut requests = Requests::new(1);
        let waiting = (0..2_000).filter(|id| arrive(&mut requests, *id, "flood")).count();
        assert_eq!(waiting, LANE_LEN_MAX);
        let stranger = (0..1_000)
            .map(|n| format!("stranger-{n}"))
            .find(|id| requests.lane(id.as_bytes()) != requests.lane(b"flood"))
            .unwrap();
        assert!(arrive(&mut requests, 5_000, &stranger));
    }

    #[test]
    fn when_as_many_wait_as_may_the_longest_lane_makes_room() {
        let mut requests = Requests::new(1);
        let mut id = 0;
        while requests.waiting < WAITING_MAX {
            id += 1;
            arrive(&mut requests, id, &format!("made-up-{id}"));
        }
        let lane = requests.lane(b"honest");
        let Room::InPlaceOf(other, _) = requests.make_room(lane) else { panic!("no room") };
        assert!(!requests.states.contains_key(&other), "it waits no longer");
        assert_eq!(requests.waiting, WAITING_MAX - 1);
    }
}
