//! Requests without a verdict: the failure mode, and what is no failure.
//!
//! The failure mode is for a stream that is down or hung. A request that only stood in a queue while
//! the stream answered is refused under both modes, or a client could open the gate by crowding it.

use proto::plugin_config::{FailureMode, Mode};

use super::{
    DECIDED_PER_CALL_MAX, Worker,
    identify::Named,
    requests::{Arrival, Room, Waiting},
};
use crate::{
    access_log::Entry,
    clock::Micros,
    host::{Host, Next, RequestId},
    reply::{BodyFormat, Denial},
    stats::Stat,
};

/// Why a request is not decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// The stream is down.
    Unreachable,
    /// The stream does not answer.
    Timeout,
    /// The verdict could not be understood.
    NotUnderstood,
    /// The stream answers, and this worker has more to ask than it gets answered.
    Backlog,
}

/// A request without a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Undecided {
    why: Why,
    /// Whether it is known who asks. Nobody passes otherwise, in whatever mode: a key that was not
    /// checked may be no key.
    is_known: bool,
}

impl Why {
    /// Whether the failure mode is for it.
    fn is_failure(self) -> bool {
        self != Self::Backlog
    }

    /// As the failures' stat has it.
    fn word(self) -> &'static str {
        self.stat().value()
    }

    fn stat(self) -> Stat {
        match self {
            Self::Unreachable => Stat::Unreachable,
            Self::Timeout => Stat::Timeout,
            Self::NotUnderstood => Stat::BadFrame,
            Self::Backlog => Stat::Backlog,
        }
    }
}

impl Worker {
    /// What becomes of a request that is not to be asked for; `None` when it is.
    pub(super) fn decide_without_asking(
        &mut self,
        host: &mut impl Host,
        arrival: &Arrival<'_>,
    ) -> Option<Next> {
        let &Arrival { id, headers, model, body_format, started: now, .. } = arrival;
        if self.link.is_known_to_be_down() {
            let undecided = self.not_asked(Why::Unreachable);
            return Some(self.undecided(host, id, body_format, model, undecided, 0));
        }
        let who = headers.who.as_bytes();
        let lane = self.requests.lane(who);
        match self.requests.make_room(lane) {
            Room::Free => None,
            Room::InPlaceOf(other, waiting) => {
                let why = self.why_not_in_time(now);
                self.give_up(host, other, &waiting, self.not_asked(why), now);
                None
            }
            Room::None => match self.refusals.last(lane, who, model, now) {
                Some((client, refusal)) if self.config.mode == Mode::Enforce => {
                    let limit = refusal.shortage.limit();
                    host.count(Stat::refused_by(limit), 1);
                    self.outbox.drop(lane, client.id(), limit);
                    client.named().tell(host, id);
                    let denial = Denial::Refused(Box::new(refusal));
                    let entry =
                        || Entry::denied(&denial).for_model(model).because_of(Why::Backlog.word());
                    self.tell_access_log(host, id, entry);
                    self.deny(host, id, body_format, &denial);
                    self.report_what_is_due(host, now);
                    Some(Next::Pause)
                }
                _ => {
                    let undecided = self.not_asked(self.why_not_in_time(now));
                    Some(self.undecided(host, id, body_format, model, undecided, 0))
                }
            },
        }
    }

    /// So many as one call may; the rest follows in the next one, which is then due at once.
    pub(super) fn fail_overdue(&mut self, host: &mut impl Host, now: Micros) {
        for _ in 0..DECIDED_PER_CALL_MAX {
            let Some(id) = self.requests.next_overdue(now) else { break };
            let Some(waiting) = self.requests.drop_waiting(id) else { break };
            let why = self.why_not_in_time(now);
            self.give_up(host, id, &waiting, self.not_asked(why), now);
        }
    }

    /// A verdict has come that could not be understood.
    pub(super) fn give_up_without_verdict(
        &mut self,
        host: &mut impl Host,
        id: RequestId,
        named: &Named,
        now: Micros,
    ) {
        if let Some(waiting) = self.requests.drop_waiting(id) {
            named.tell(host, id);
            let not_asked = self.not_asked(Why::NotUnderstood);
            let is_known = not_asked.is_known || named.id().is_some();
            self.give_up(host, id, &waiting, Undecided { is_known, ..not_asked }, now);
        }
    }

    /// Why a request has no verdict yet. A request is asked for within some milliseconds where
    /// there is no backlog, so that a stream which hangs has then left a frame unanswered for about
    /// as long as the request waits: for three quarters of it at least.
    fn why_not_in_time(&self, now: Micros) -> Why {
        if self.link.is_failing() {
            return Why::Unreachable;
        }
        if self.requests.is_unanswered_for(self.config.decision_timeout_ms * 3 / 4, now) {
            Why::Timeout
        } else {
            Why::Backlog
        }
    }

    /// A request waited in vain, and does so no longer.
    fn give_up(
        &mut self,
        host: &mut impl Host,
        id: RequestId,
        waiting: &Waiting,
        undecided: Undecided,
        now: Micros,
    ) {
        let waited_us = now.since(waiting.started);
        let model = waiting.model.as_deref();
        if waiting.may_be_charged() {
            if self.passes(undecided) {
                let entry = || Box::new(self.entry_of(model, undecided, waited_us));
                let entry = self.config.access_log.then(entry);
                self.requests.forward_undecided(id, waiting, entry);
            } else {
                self.outbox.cancel(id);
            }
        }
        let next = self.undecided(host, id, waiting.body_format, model, undecided, waited_us);
        if next == Next::Continue {
            host.resume(id);
        }
    }

    fn undecided(
        &self,
        host: &mut impl Host,
        id: RequestId,
        body_format: BodyFormat,
        model: Option<&str>,
        undecided: Undecided,
        waited_us: u64,
    ) -> Next {
        host.count(undecided.why.stat(), 1);
        let passes = self.passes(undecided);
        let is_carried_out = self.config.mode != Mode::Shadow || !passes;
        let entry = || self.entry_of(model, undecided, waited_us);
        self.tell_access_log_of(host, id, is_carried_out, entry);
        if passes {
            host.count(Stat::FailedOpen, 1);
            return Next::Continue;
        }
        host.count(Stat::FailedClosed, 1);
        self.deny(host, id, body_format, &Denial::LimiterUnavailable);
        Next::Pause
    }

    /// Nobody was asked in time who could have known who it is.
    fn not_asked(&self, why: Why) -> Undecided {
        Undecided { why, is_known: !self.config.identity.needs_control_plane() }
    }

    /// The decision is the failure mode's, also where it is not carried out.
    fn entry_of(&self, model: Option<&str>, undecided: Undecided, waited_us: u64) -> Entry {
        let entry = Entry::undecided(self.fails_open(undecided), undecided.why.word());
        entry.for_model(model).after_us(waited_us)
    }

    fn passes(&self, undecided: Undecided) -> bool {
        self.fails_open(undecided) || (undecided.is_known && self.config.mode == Mode::Shadow)
    }

    fn fails_open(&self, undecided: Undecided) -> bool {
        undecided.is_known
            && self.config.failure_mode == FailureMode::Open
            && undecided.why.is_failure()
    }
}
