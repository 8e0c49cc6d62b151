//! The control plane's side of a stream, as the server has it, with the oracle beside it.

use flowguard::{
    decisions::{Greeting, Session},
    ledger::WorkerId,
};
use futures_util::FutureExt as _;
use prost::Message as _;
use proto::decision::{ControlFrame, Decision as Told, FilterFrame, Verdict};

use super::{
    Event, World,
    verdicts::{asked, same_answer, truth},
};
use crate::{
    edge::{SECOND, Sent},
    history::Step,
    network::{StreamId, Way},
    oracle::{Ask, Decision, End, Ended, Limit, Name},
    process::{OpenStream, Process},
};

/// Within this the ends of a frame without asks are acknowledged.
const ACKNOWLEDGED_WITHIN: u64 = 20_000;

impl World {
    pub(super) fn serve_frame(&mut self, stream: StreamId, bytes: &[u8]) {
        let Ok(frame) = FilterFrame::decode(bytes) else {
            return self.edge.violated("a worker sent a frame that is none".to_owned());
        };
        let leads_to = self.edge.network.stream(stream).and_then(|stream| stream.process);
        if leads_to.and_then(|number| self.process_of(number)).is_none() {
            return;
        }
        let is_open =
            self.process.as_ref().is_some_and(|process| process.streams.contains_key(&stream));
        if !is_open && !self.begin_session(stream, &frame) {
            self.edge.tell(|| format!("stream {stream} does not begin"));
            return;
        }
        self.answer_frame(stream, &frame);
    }

    /// A stream says hello; a stream that its worker had before ends first.
    fn begin_session(&mut self, stream: StreamId, frame: &FilterFrame) -> bool {
        let name = WorkerId(
            (u128::from(self.edge.random.next()) << 64) | u128::from(self.edge.random.next()),
        );
        let greeting = match Greeting::read_and_name(frame.hello.as_ref(), || name) {
            Ok(greeting) => greeting,
            Err(status) => {
                self.edge.violated(format!("a worker's hello was refused: {status}"));
                return false;
            }
        };
        let worker = greeting.worker().0;
        let Some(process) = &self.process else { return false };
        let is_newest = greeting.check_newest(&process.ledger).is_ok();
        let number = frame.hello.as_ref().map_or(0, |hello| hello.stream);
        if let Some(oracle) = &mut self.unforgetting {
            oracle.hello(worker, number);
        }
        if is_newest != self.oracle.hello(worker, number) {
            self.edge.violated(format!("stream {stream} is the newest: {is_newest}"));
        }
        if !is_newest {
            self.edge.network.stop_reading(stream, Way::Up);
            self.edge.send(stream, Way::Down, Sent::End);
            return false;
        }
        let comes_back = frame.hello.as_ref().is_some_and(|hello| !hello.worker.is_empty());
        let before = self.process.as_ref().and_then(|p| p.seats.get(&worker).copied());
        if let Some(before) = before {
            self.end_stream(before);
        }
        if let Some(envoy) = self.edge.network.stream(stream).map(|stream| stream.envoy) {
            self.envoy_of.insert(worker, envoy);
        }
        let Some(process) = &mut self.process else { return false };
        let session = Session::start(greeting, process.ledger.clone(), process.metrics.clone());
        let resumed = comes_back.then(Vec::new);
        let (is_acknowledgement_planned, breaks) = (false, false);
        let open = OpenStream { session, worker, resumed, is_acknowledgement_planned, breaks };
        process.streams.insert(stream, open);
        process.seats.insert(worker, stream);
        self.each_oracle(|oracle| oracle.join(worker));
        true
    }

    fn answer_frame(&mut self, stream: StreamId, frame: &FilterFrame) {
        let Some(process) = &mut self.process else { return };
        let now = process.now();
        let Some(open) = process.streams.get_mut(&stream) else { return };
        let worker = open.worker;
        let resumed = all_resumed(open, frame);
        let answered = open.session.answer(frame.clone()).now_or_never();
        let answered = answered.expect("local balances are ready at once");
        let answer = match answered {
            Ok(answer) => answer,
            Err(status) => {
                return self.edge.violated(format!("a worker's frame was refused: {status}"));
            }
        };
        let verdicts = answer.as_ref().map(|answer| answer.verdicts.clone()).unwrap_or_default();
        if let Some(resumed) = resumed {
            self.mirror_resume(worker, &resumed, now);
        }
        self.mirror_ends(worker, frame, now);
        for drop in &frame.drops {
            self.each_oracle(|oracle| {
                oracle.dropped(&drop.client_id, &drop.limit, drop.requests.into());
            });
        }
        self.mirror_asks(worker, frame, &verdicts, now);
        self.note();
        if self.disk.memory.is_dead() {
            return self.dies_in_a_write();
        }
        self.are_admitted(worker, &verdicts);
        self.compare();
        match answer {
            Some(answer) => self.send_answer(stream, &answer),
            None => self.plan_acknowledgement(stream),
        }
    }

    fn mirror_resume(&mut self, worker: Name, ids: &[u32], now: u64) {
        if self.edge.is_at_rest {
            self.resumed_at_rest += u64::try_from(ids.len()).unwrap_or(0);
        }
        let ended = self.oracle.resume(worker, ids, now);
        if let Some(oracle) = &mut self.unforgetting {
            oracle.resume(worker, ids, now);
        }
        for ended in ended {
            self.takes_effect(ended);
        }
    }

    fn mirror_ends(&mut self, worker: Name, frame: &FilterFrame, now: u64) {
        let settles = frame.settles.iter().map(|settle| (settle.id, End::Settled(truth(settle))));
        let cancels = frame.cancels.iter().map(|id| (*id, End::Canceled));
        for (id, end) in settles.chain(cancels) {
            if let Some(oracle) = &mut self.unforgetting {
                oracle.end(worker, id, end, now);
            }
            if let Some(ended) = self.oracle.end(worker, id, end, now) {
                self.takes_effect(ended);
            }
        }
    }

    /// What was held ends, once and as it really did.
    pub(super) fn takes_effect(&mut self, ended: Ended) {
        self.ended.push(ended);
        self.edge.tell(|| format!("{ended:?}"));
        let Some(&envoy) = self.envoy_of.get(&ended.worker) else { return };
        let truth = self.edge.truths.get(&(envoy, ended.id));
        let is_right = match (ended.end, truth) {
            (End::Settled(told), Some(truth)) => told == *truth,
            (End::Settled(_), None) => false,
            (End::Canceled, truth) => truth.is_none(),
            (End::Lost, _) => self.may_be_lost(envoy, ended),
        };
        if !is_right {
            self.edge.violated(format!("{ended:?} of Envoy {envoy}, and really {truth:?}"));
        }
    }

    /// Whether nobody can know how a request ended.
    pub(super) fn may_be_lost(&self, envoy: u64, ended: Ended) -> bool {
        self.has_forgotten()
            || self.edge.vanished.contains(&envoy)
            || self.given_up.contains(&(ended.worker, ended.id))
    }

    /// Whether something that was answered is not known any more.
    pub(super) fn has_forgotten(&self) -> bool {
        self.unforgetting.is_some()
    }

    fn mirror_asks(&mut self, worker: Name, frame: &FilterFrame, verdicts: &[Verdict], now: u64) {
        if frame.asks.len() != verdicts.len() {
            let (asks, verdicts) = (frame.asks.len(), verdicts.len());
            return self.edge.violated(format!("{asks} asks were answered by {verdicts} verdicts"));
        }
        if !frame.asks.is_empty() {
            self.each_oracle(|oracle| oracle.begin_frame(worker));
        }
        for (ask, verdict) in frame.asks.iter().zip(verdicts) {
            let ask = asked(ask);
            let is_known = self.oracle.is_known(worker, ask.id);
            self.measure(worker, &ask, verdict, is_known, now);
            let answer = self.oracle.decide(worker, &ask, now);
            if answer.decision == Decision::Admitted {
                self.edge.report.admitted += 1;
            } else {
                self.edge.report.refused += 1;
                let is_beside = matches!(answer.decision, Decision::Refused(Limit::Named(_), _));
                self.edge.report.refused_beside += u64::from(is_beside);
            }
            self.edge.trace(&[4, ask.id.into(), answer.reserved, u64::from(is_known)]);
            if let Err(difference) = same_answer(&answer, verdict) {
                self.edge.violated(format!("{ask:?} (known: {is_known}): {difference}"));
            }
            if let Decision::Refused(_, Some(wait)) = answer.decision
                && !is_known
            {
                self.is_told_rightly(&ask, wait, now);
            }
        }
    }

    /// What was answered leaves the process.
    fn are_admitted(&mut self, worker: Name, verdicts: &[Verdict]) {
        let envoy = self.envoy_of.get(&worker).copied().unwrap_or(0);
        let admitted = verdicts.iter().filter(|verdict| verdict.decision() == Told::Admitted);
        self.edge.admitted.extend(admitted.map(|verdict| (envoy, verdict.id)));
    }

    /// After the exact wait the request passes if nobody else asks, and not a millisecond earlier; what
    /// is told is that, or a moment of its own.
    fn is_told_rightly(&mut self, ask: &Ask, told: u64, now: u64) {
        let reserved = self.oracle.reserves(ask);
        let judged = self.oracle.judge(ask, reserved, now);
        let Decision::Refused(_, Some(exact)) = judged.decision else {
            return self
                .edge
                .violated(format!("{ask:?} was told {told} ms, and would pass or never"));
        };
        // When a place comes back nobody knows.
        let windows_pass = |at| {
            let judged = self.oracle.judge(ask, reserved, at);
            judged.refusing.is_empty() || (judged.waits_for_places && judged.windows_ms == 0)
        };
        let after = judged.windows_ms;
        let (before, then) =
            (after > 0 && windows_pass(now + after - 1), windows_pass(now + after));
        let is_exact = then && !before && (judged.waits_for_places || after == exact);
        if !is_exact || told < exact || told > self.plan.waits.latest(exact) {
            let seen = format!("exact are {exact} ms, {after} of windows: {before}, then {then}");
            self.edge.violated(format!("{ask:?} was told {told} ms; {seen}"));
        }
        self.edge.report.lined_up += u64::from(told > exact);
    }

    fn plan_acknowledgement(&mut self, stream: StreamId) {
        let Some(process) = &mut self.process else { return };
        let Some(open) = process.streams.get_mut(&stream) else { return };
        if open.session.owes_acknowledgement() && !open.is_acknowledgement_planned {
            open.is_acknowledgement_planned = true;
            self.edge.plan(self.edge.now + ACKNOWLEDGED_WITHIN, Event::Acknowledge(stream));
        }
    }

    pub(super) fn acknowledge(&mut self, stream: StreamId) {
        let Some(process) = &mut self.process else { return };
        let Some(open) = process.streams.get_mut(&stream) else { return };
        open.is_acknowledgement_planned = false;
        if !open.session.owes_acknowledgement() {
            return;
        }
        let acknowledged = open.session.acknowledge().now_or_never();
        let Some(answer) = acknowledged.expect("local balances are ready at once") else { return };
        self.note();
        if self.disk.memory.is_dead() {
            return self.dies_in_a_write();
        }
        self.send_answer(stream, &answer);
    }

    fn send_answer(&mut self, stream: StreamId, answer: &ControlFrame) {
        let Some(open) = self.process.as_mut().and_then(|p| p.streams.get_mut(&stream)) else {
            return;
        };
        if open.breaks {
            return self.end_stream(stream);
        }
        open.session.told();
        let worker = open.worker;
        self.each_oracle(|oracle| oracle.told(worker));
        self.edge.send(stream, Way::Down, Sent::Frame(answer.encode_to_vec()));
    }

    /// The control plane sees a stream end, or ends it.
    pub(super) fn end_stream(&mut self, stream: StreamId) {
        let Some(process) = &mut self.process else { return };
        let now = process.now();
        let Some(open) = process.streams.remove(&stream) else { return };
        if process.seats.get(&open.worker) == Some(&stream) {
            process.seats.remove(&open.worker);
        }
        open.session.close();
        self.each_oracle(|oracle| oracle.leave(open.worker, now));
        self.note();
        self.edge.network.stop_reading(stream, Way::Up);
        self.edge.send(stream, Way::Down, Sent::End);
        if self.disk.memory.is_dead() {
            self.dies_in_a_write();
        }
    }

    pub(super) fn look(&mut self, number: u64) {
        let Some(process) = self.process_of(number) else { return };
        let now = process.now();
        let given_up = process.ledger.give_up_on_absent_workers().now_or_never();
        let given_up = given_up.expect("local balances are ready at once").len();
        let ended = self.oracle.give_up(now);
        if let Some(oracle) = &mut self.unforgetting {
            oracle.give_up(now);
        }
        let count = ended.len();
        for ended in ended {
            self.given_up.insert((ended.worker, ended.id));
            self.takes_effect(ended);
        }
        self.note();
        if self.disk.memory.is_dead() {
            return self.dies_in_a_write();
        }
        if given_up < count {
            self.edge.violated(format!("{given_up} requests were given up on, and not {count}"));
        }
        self.compare();
        self.edge.plan(self.edge.now + SECOND, Event::Look(number));
    }

    pub(super) fn process_of(&self, number: u64) -> Option<&Process> {
        self.process.as_ref().filter(|process| process.number == number)
    }

    pub(super) fn each_oracle(&mut self, does: impl Fn(&mut crate::oracle::Oracle)) {
        does(&mut self.oracle);
        if let Some(oracle) = &mut self.unforgetting {
            does(oracle);
        }
    }

    /// Keeps in mind what a process would find that begins now.
    pub(super) fn note(&mut self) {
        let Some(process) = &self.process else { return };
        let status = process.files.status();
        let seen = (self.disk.memory.changes(), status.unwritten);
        if std::mem::replace(&mut self.seen, seen) == seen {
            return;
        }
        self.edge.tell(|| format!("entry at {}, {status:?}", process.now()));
        self.history.note(Step {
            oracle: self.oracle.clone(),
            at: Some(process.now()),
            ended: self.ended.len(),
            // What was answered by it never leaves a process that dies in it.
            has_left: !self.disk.memory.is_dead(),
            is_written: process.is_writing() && !self.disk.memory.is_dead(),
        });
    }
}

/// All ids that a worker resumes, with the frame that says the last of them.
fn all_resumed(open: &mut OpenStream, frame: &FilterFrame) -> Option<Vec<u32>> {
    let resume = frame.resume.as_ref()?;
    open.resumed.as_mut()?.extend(&resume.ids);
    if resume.more { None } else { open.resumed.take() }
}
