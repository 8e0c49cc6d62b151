//! One worker's session: frames in, frames out. No IO.

use std::{collections::HashSet, sync::Arc};

use futures_util::future::join;
use proto::{
    DECISION_PROTOCOL_VERSION,
    decision::{ControlFrame, FilterFrame, Verdict, Welcome},
};
use tonic::Status;

use super::{
    Greeting, StreamMetrics,
    callers::{Caller, Stranger},
    filters::Filter,
    frame::{Frame, FrameError, Reports, Resume, WorkerAsk},
    refusals,
    unread::Unread,
    verdict::{exceeded, verdict, verdict_on_stranger},
};
use crate::{
    credentials::FoundKey,
    excerpt::Excerpt,
    ledger::{Answer, End, Ledger, Worker},
};

/// A worker's conversation on one stream. What its requests hold is the ledger's, and waits there for
/// the worker's next stream.
#[derive(Debug)]
pub struct Session {
    worker: Arc<Worker>,
    filter: Filter,
    /// Envoy's id, for the log.
    node: Excerpt,
    ledger: Arc<Ledger>,
    metrics: StreamMetrics,
    welcomed: bool,
    /// Of what is held for the worker, what it has named so far; `None` once it has said all.
    resumed: Option<HashSet<u32>>,
    /// What it holds beyond that, where a shared store keeps it and could not be asked.
    unread: Option<Unread>,
    /// The last frame of ends that took effect, and the last one that was acknowledged.
    taken: u64,
    acknowledged: u64,
}

impl Session {
    /// Begins with the worker's greeting; its stream before has ended.
    pub fn start(greeting: Greeting, ledger: Arc<Ledger>, metrics: StreamMetrics) -> Self {
        let filter = metrics.stream_opened(&greeting);
        let worker = ledger.join(greeting.worker);
        worker.set_in_shadow(filter.is_in_shadow());
        Self {
            worker,
            filter,
            node: greeting.node,
            ledger,
            metrics,
            welcomed: false,
            resumed: greeting.comes_back.then(HashSet::new),
            unread: None,
            taken: 0,
            acknowledged: 0,
        }
    }

    /// What its Envoy calls itself, as it may stand in a log.
    pub(super) fn node(&self) -> &Excerpt {
        &self.node
    }

    /// The worker whose requests it is about.
    pub(super) fn worker(&self) -> &Worker {
        &self.worker
    }

    /// Takes a frame, all of it or nothing. A frame with a hello or with asks has an answer.
    ///
    /// Ends take effect before asks: what a client gets back is there for its next request.
    pub async fn answer(&mut self, frame: FilterFrame) -> Result<Option<ControlFrame>, Status> {
        if self.welcomed && frame.hello.is_some() {
            return Err(refused(FrameError::SecondHello));
        }
        let frame = Frame::try_from(frame).map_err(refused)?;
        frame.check_identity(self.ledger.identity()).map_err(refused)?;
        self.metrics.frame_received();
        if !self.welcomed
            && self.resumed.is_some()
            && self.ledger.take_over_from_others(&self.worker).await.is_err()
        {
            self.unread = Some(Unread::default());
        }
        if !self.resume(frame.resume.as_ref(), frame.is_bare()).await.map_err(refused)? {
            return Ok(self.welcome().map(|welcome| self.control_frame(Some(welcome), Vec::new())));
        }
        self.taken = self.taken.max(frame.number);
        let mut reports = frame.reports;
        if let Some(unread) = &mut self.unread {
            unread.keep_from(&mut reports);
        }
        // In this order, and where a store decides in one call.
        let ((), verdicts) = join(self.report(reports), self.decide(&frame.asks)).await;
        let welcome = self.welcome();
        Ok((welcome.is_some() || !verdicts.is_empty())
            .then(|| self.control_frame(welcome, verdicts)))
    }

    /// Takes the part of a frame that needs no answer, of a stream that has ended.
    ///
    /// Of what could not be read it is told again on the next one.
    pub async fn answer_nobody(&mut self, frame: FilterFrame) {
        if self.resumed.is_none()
            && let Ok(frame) = Frame::try_from(frame)
        {
            self.report(frame.reports).await;
        }
    }

    /// Whether the worker waits to hear that its ends have taken effect, or will: what could not be read
    /// before is read by who acknowledges.
    pub fn owes_acknowledgement(&self) -> bool {
        self.taken > self.acknowledged || self.unread.is_some()
    }

    /// The acknowledgement by itself; `None`: the store has not been told of all of them yet.
    pub async fn acknowledge(&mut self) -> Option<ControlFrame> {
        self.read_at_last().await;
        self.ledger.keeps_all_ends(&self.worker).then(|| self.control_frame(None, Vec::new()))
    }

    /// The last answer is on its way.
    pub fn told(&self) {
        self.worker.told();
    }

    /// The stream has ended. What the worker's requests hold waits for its next one.
    pub fn close(self) {
        self.metrics.stream_closed(self.worker.id(), &self.filter);
        self.ledger.leave(&self.worker);
        self.ledger.commit();
    }

    /// Reads what the worker says of what it holds; `false`: there is more to come.
    async fn resume(&mut self, resume: Option<&Resume>, is_bare: bool) -> Result<bool, FrameError> {
        match (&mut self.resumed, resume) {
            (None, None) => Ok(true),
            (None, Some(_)) => Err(FrameError::LateResume),
            (Some(_), None) => Err(FrameError::NoResume),
            (Some(ids), Some(resume)) => {
                let (known, unknown): (Vec<_>, Vec<_>) =
                    resume.ids.iter().partition(|id| self.worker.holds(**id));
                ids.extend(known);
                if let Some(unread) = &mut self.unread {
                    unread.name(unknown.into_iter());
                }
                if resume.more {
                    return if is_bare { Ok(false) } else { Err(FrameError::BusyResume) };
                }
                let ids = self.resumed.take().unwrap_or_default();
                for ended in self.ledger.resume(&self.worker, &ids).await {
                    self.metrics.ended(&ended);
                }
                Ok(true)
            }
        }
    }

    /// Reads what the worker holds that could not be read when it came, and ends of it what has ended.
    async fn read_at_last(&mut self) {
        if self.unread.is_none() || !self.welcomed || self.resumed.is_some() {
            return;
        }
        let Ok(read) = self.ledger.take_over_late(&self.worker).await else { return };
        let Some(mut unread) = self.unread.take() else { return };
        self.report(unread.take_reports()).await;
        let lost = read.into_iter().filter(|id| !unread.is_named(*id));
        let lost = lost.map(|id| (id, End::Lost)).collect();
        for ended in self.ledger.end(&self.worker, lost).await {
            self.metrics.ended(&ended);
        }
    }

    async fn report(&self, reports: Reports) {
        let Reports { settles, cancels, drops } = reports;
        let settled = settles.iter().map(|settle| (settle.id, End::Settled(settle.response)));
        let canceled = cancels.iter().map(|id| (*id, End::Canceled));
        let ended = self.ledger.end(&self.worker, settled.chain(canceled).collect()).await;
        // In the order in which they were told, without those that were not under way.
        let mut settles = settles.iter();
        for ended in &ended {
            self.metrics.ended(ended);
            if let Some(settle) = settles.find(|settle| settle.id == ended.id) {
                self.metrics.response_ended(settle);
            }
        }
        for drop in drops {
            refusals::log_dropped(&self.node, &drop);
            self.metrics.decided(exceeded(&drop.limit), drop.requests);
            self.ledger.count_dropped(&drop.client_id, &drop.limit, drop.requests);
        }
    }

    async fn decide(&self, asks: &[WorkerAsk]) -> Vec<Verdict> {
        if asks.is_empty() {
            return Vec::new();
        }
        let callers: Vec<_> = asks.iter().map(|ask| Caller::find(&self.ledger, &ask.who)).collect();
        let known = asks.iter().zip(&callers);
        let known = known.filter_map(|(ask, caller)| Some(ask.of(caller.as_ref().ok()?.id())));
        let known: Vec<_> = known.collect();
        let answers = self.ledger.decide(&self.worker, &known).await;
        refusals::log(&self.node, self.filter.is_in_shadow(), &known, &answers);
        let mut answers = answers.iter();
        let mut verdicts = Vec::with_capacity(asks.len());
        for (ask, caller) in asks.iter().zip(&callers) {
            verdicts.push(match caller {
                Ok(caller) => {
                    let Some(answer) = answers.next() else { break };
                    self.tell(ask.id, caller, answer)
                }
                Err(stranger) => self.refuse(ask.id, *stranger).await,
            });
        }
        verdicts
    }

    /// What was decided of somebody who is known.
    fn tell(&self, id: u32, caller: &Caller<'_>, answer: &Answer) -> Verdict {
        let verdict = Verdict { client_id: caller.told(), ..verdict(id, answer) };
        self.metrics.decided(verdict.decision(), 1);
        if let Answer::Admitted { is_followed: false, .. } = answer {
            self.metrics.not_followed();
        }
        if let Some(key) = caller.key() {
            self.count_by_key(id, key, answer);
        }
        verdict
    }

    /// Counts a decision as one of the key that was shown.
    fn count_by_key(&self, id: u32, key: &FoundKey, answer: &Answer) {
        match answer {
            Answer::Admitted { is_followed, .. } => {
                // One that is asked again was counted before.
                if !is_followed || self.worker.note_key(id, key) {
                    key.decided(true);
                }
            }
            Answer::Refused { .. } => key.decided(false),
            Answer::UnknownClient | Answer::Unavailable => {}
        }
    }

    /// Nobody knows who asks. What was charged before, if the answer to that was lost and the key was
    /// revoked meanwhile, comes back: the request does not pass.
    async fn refuse(&self, id: u32, stranger: Stranger) -> Verdict {
        if self.worker.holds(id) {
            for ended in self.ledger.end(&self.worker, vec![(id, End::Canceled)]).await {
                self.metrics.ended(&ended);
            }
        }
        let decision = stranger.decision();
        self.metrics.decided(decision, 1);
        refusals::log_stranger(&self.node, id, stranger);
        verdict_on_stranger(id, decision)
    }

    fn welcome(&mut self) -> Option<Welcome> {
        let is_first = !std::mem::replace(&mut self.welcomed, true);
        is_first.then(|| Welcome {
            protocol_version: DECISION_PROTOCOL_VERSION,
            worker: self.worker.id().0.to_be_bytes().to_vec(),
        })
    }

    /// What leaves the process: what it says is written down by then.
    fn control_frame(&mut self, welcome: Option<Welcome>, verdicts: Vec<Verdict>) -> ControlFrame {
        let is_owed = self.taken > self.acknowledged && self.unread.is_none();
        if is_owed && self.ledger.keeps_all_ends(&self.worker) {
            self.ledger.commit();
            self.acknowledged = self.taken;
        }
        ControlFrame { welcome, verdicts, acknowledged: self.acknowledged }
    }
}

fn refused(error: FrameError) -> Status {
    Status::invalid_argument(error.to_string())
}
