//! The worker's requests: queued, asked, forwarded.

use std::collections::{HashMap, VecDeque};

use limiter::Tokens;
use proto::decision::Ask;

use super::{DECIDED_PER_CALL_MAX, RequestId, response::Response};
use crate::{clock::Micros, headers::RequestHeaders};

/// Requests that wait for a verdict, at most; a further one meets the failure mode at once.
const WAITING_MAX: usize = 10_000;

/// Entries of a queue, at most. Clients that come and go while nothing is answered leave entries
/// behind; at this length those are swept out, which is seldom enough to cost next to nothing.
const QUEUED_MAX: usize = 2 * WAITING_MAX;

/// Asks in one frame, and so verdicts in its answer, at most.
const BATCH_MAX: usize = DECIDED_PER_CALL_MAX;

#[derive(Debug, Default)]
pub(super) struct Requests {
    /// Every request that waits or was forwarded. The queues below may name ones that have gone.
    states: HashMap<RequestId, State>,
    waiting: usize,
    /// Not sent yet, oldest first.
    queue: VecDeque<Ask>,
    /// Sent and not answered. More than one frame would make smaller batches, and so more work.
    in_flight: Option<Frame>,
    /// When each waiting request's time is over, earliest first.
    deadlines: VecDeque<(Micros, RequestId)>,
}

#[derive(Debug)]
enum State {
    Waiting { asked: bool, started: Micros, deadline: Micros, generates: bool },
    Forwarded(Forwarded),
}

/// A request on its way to the upstream or back.
#[derive(Debug)]
pub(super) struct Forwarded {
    pub(super) started: Micros,
    /// The stream on which it was admitted.
    pub(super) session: u32,
    pub(super) response: Response,
}

#[derive(Debug)]
struct Frame {
    asks: Vec<Ask>,
    sent: Micros,
}

/// What a request was when it ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Waiting, and the control plane never heard of it.
    Queued,
    /// Waiting, and the control plane may have charged it.
    Asked,
    /// On its way to the upstream or back.
    Forwarded(Forwarded),
}

impl Requests {
    /// Whether no further request may wait.
    pub(super) fn are_too_many(&self) -> bool {
        self.waiting >= WAITING_MAX
    }

    /// Queues a request.
    pub(super) fn ask(
        &mut self,
        id: RequestId,
        headers: &RequestHeaders<'_>,
        started: Micros,
        deadline: Micros,
    ) {
        let generates = headers.generates;
        self.sweep_out_what_has_gone();
        self.states.insert(id, State::Waiting { asked: false, started, deadline, generates });
        self.waiting += 1;
        self.deadlines.push_back((deadline, id));
        self.queue.push_back(Ask {
            id,
            client_id: headers.client_id.to_owned(),
            tokens: headers.tokens.map(Tokens::get),
        });
    }

    /// Whether the group commit lets a further frame go out.
    pub(super) fn may_send(&self) -> bool {
        self.in_flight.is_none()
    }

    /// Takes the next frame's asks; requests that have gone are left out.
    pub(super) fn next_batch(&mut self) -> Vec<Ask> {
        let mut batch = Vec::with_capacity(self.queue.len().min(BATCH_MAX));
        while batch.len() < BATCH_MAX
            && let Some(ask) = self.queue.pop_front()
        {
            if let Some(State::Waiting { asked, .. }) = self.states.get_mut(&ask.id) {
                *asked = true;
                batch.push(ask);
            }
        }
        batch
    }

    /// A frame with these asks is on its way; an empty one is a bare hello.
    pub(super) fn sent(&mut self, asks: Vec<Ask>, now: Micros) {
        self.in_flight = Some(Frame { asks, sent: now });
    }

    /// The frame was answered; `false` when there is none.
    pub(super) fn frame_answered(&mut self) -> bool {
        self.in_flight.take().is_some()
    }

    /// When the frame that is not answered was sent.
    pub(super) fn unanswered_since(&self) -> Option<Micros> {
        self.in_flight.as_ref().map(|frame| frame.sent)
    }

    /// Puts what was sent and not answered back to the front of the queue.
    pub(super) fn requeue_unanswered(&mut self) {
        let Some(frame) = self.in_flight.take() else { return };
        for ask in frame.asks.into_iter().rev() {
            if let Some(State::Waiting { asked, .. }) = self.states.get_mut(&ask.id) {
                *asked = false;
                self.queue.push_front(ask);
            }
        }
    }

    /// A waiting request goes on to the upstream; since when it waited, `None` when it does not.
    pub(super) fn forward(
        &mut self,
        id: RequestId,
        session: u32,
        response: Response,
    ) -> Option<Micros> {
        let state = self.states.get_mut(&id)?;
        let State::Waiting { started, generates, .. } = *state else { return None };
        let response = if generates { response } else { response.of_what_was_used_before() };
        *state = State::Forwarded(Forwarded { started, session, response });
        self.waiting -= 1;
        Some(started)
    }

    /// The response of a request that was forwarded.
    pub(super) fn response(&mut self, id: RequestId) -> Option<&mut Response> {
        match self.states.get_mut(&id)? {
            State::Forwarded(forwarded) => Some(&mut forwarded.response),
            State::Waiting { .. } => None,
        }
    }

    /// A waiting request is not followed further; since when it waited, `None` when it does not.
    pub(super) fn drop_waiting(&mut self, id: RequestId) -> Option<Micros> {
        let Some(&State::Waiting { started, .. }) = self.states.get(&id) else {
            return None;
        };
        self.states.remove(&id);
        self.waiting -= 1;
        Some(started)
    }

    /// A request is over.
    pub(super) fn end(&mut self, id: RequestId) -> Option<Ended> {
        Some(match self.states.remove(&id)? {
            State::Forwarded(forwarded) => Ended::Forwarded(forwarded),
            State::Waiting { asked, .. } => {
                self.waiting -= 1;
                if asked { Ended::Asked } else { Ended::Queued }
            }
        })
    }

    fn sweep_out_what_has_gone(&mut self) {
        let states = &self.states;
        let waits = |id: &RequestId| matches!(states.get(id), Some(State::Waiting { .. }));
        if self.queue.len() >= QUEUED_MAX {
            self.queue.retain(|ask| waits(&ask.id));
        }
        if self.deadlines.len() >= QUEUED_MAX {
            self.deadlines.retain(|(_, id)| waits(id));
        }
    }

    /// The next waiting request whose time is over, and whether it was asked for.
    pub(super) fn next_overdue(&mut self, now: Micros) -> Option<(RequestId, bool)> {
        while let Some(&(due, id)) = self.deadlines.front() {
            match self.states.get(&id) {
                Some(&State::Waiting { asked, deadline, .. }) if deadline == due => {
                    return (due <= now).then_some((id, asked));
                }
                _ => self.deadlines.pop_front(),
            };
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_come_and_go_while_nothing_is_answered_leave_a_bounded_trace() {
        let headers =
            RequestHeaders { client_id: "client", tokens: Some(Tokens::ZERO), generates: true };
        let (start, deadline) = (Micros(0), Micros(1));
        let mut requests = Requests::default();
        requests.ask(0, &headers, start, deadline);
        for id in 1..=200_000 {
            requests.ask(id, &headers, start, deadline);
            assert!(matches!(requests.end(id), Some(Ended::Queued)));
        }
        assert!(requests.queue.len() <= QUEUED_MAX, "{}", requests.queue.len());
        assert!(requests.deadlines.len() <= QUEUED_MAX, "{}", requests.deadlines.len());
        assert_eq!(requests.next_batch().len(), 1, "the one that stayed");
    }
}
