//! One stream, and a task: it reads a frame, has it decided, and answers. What its worker's requests
//! hold waits for the worker's next stream.
//!
//! A stream that was polled by its connection would be polled again at once, and could not let
//! others have their turn.

use std::{future::pending, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use proto::{
    REPORTS_MAX,
    decision::{ControlFrame, FilterFrame, Hello},
};
use tokio::{
    sync::mpsc::Sender,
    task,
    time::{Instant, sleep_until, timeout, timeout_at},
};
use tonic::{Status, Streaming};
use tracing::{debug, info, warn};

use super::{
    Greeting, Session, frame::reports, seats::Seat, shared::Shared, stream_end::StreamEnd,
    vouched::Vouched,
};
use crate::{
    auth::Stay,
    listener::{AtWork, ConnectionInfo},
};

/// How long a stream may take to say hello.
pub(super) const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a stream stays where other control planes have the same store, give or take a fifth, so that
/// one that was started last has its part of them before long.
const STAY: Duration = Duration::from_mins(10);
const STAY_JITTER: f64 = 0.2;

/// How long a worker waits at most to hear that its ends have taken effect.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_millis(20);

pub(super) type Answer = Result<ControlFrame, Status>;

/// Waits until the server stops, or a newer stream of the same worker comes; which of them it was.
async fn has_to_end(shared: &Shared, seat: Option<&Seat>) -> StreamEnd {
    let newer_stream = async {
        match seat {
            Some(seat) => seat.wanted().await,
            None => pending().await,
        }
    };
    tokio::select! {
        () = shared.shutdown.cancelled() => StreamEnd::Stopping,
        () = newer_stream => StreamEnd::Replaced,
    }
}

/// For how long a stream stays: not all of them move at once.
fn stay() -> Duration {
    STAY.mul_f64(rand::random_range(1.0 - STAY_JITTER..=1.0 + STAY_JITTER))
}

/// What a stream does next.
enum Next {
    Frame(Box<FilterFrame>),
    Acknowledgement,
    End(StreamEnd),
}

pub(super) struct Stream {
    inbound: Streaming<FilterFrame>,
    peer: String,
    connection: Option<ConnectionInfo>,
    /// Where its peer had to show who it is: whether it still may be here.
    stay: Option<Stay>,
    /// The same of one that no token let in, and that showed a certificate.
    vouched: Option<Vouched>,
    /// Once the worker said hello, its connection keeps its place.
    at_work: Option<AtWork>,
    /// `None` until the worker said hello.
    session: Option<Session>,
    /// When it did.
    opened: Option<Instant>,
    seat: Option<Seat>,
    /// When its worker is to go on to the next control plane, where there are others.
    move_at: Option<Instant>,
    /// Until when its ends are to be acknowledged.
    acknowledge_at: Option<Instant>,
    /// Reports taken since the others had their turn.
    reports_in_turn: usize,
    /// It was answered: the others come first now.
    is_answered: bool,
    shared: Shared,
}

impl Stream {
    pub(super) fn new(
        inbound: Streaming<FilterFrame>,
        connection: Option<ConnectionInfo>,
        stay: Option<Stay>,
        shared: Shared,
    ) -> Self {
        let peer = connection.as_ref().and_then(|connection| connection.peer);
        let shown = connection.as_ref().and_then(|connection| connection.certificate.clone());
        let vouched = shown.filter(|_| stay.is_none()).map(Vouched::of);
        Self {
            inbound,
            peer: peer.map(|peer| peer.to_string()).unwrap_or_default(),
            connection,
            stay,
            vouched,
            at_work: None,
            session: None,
            opened: None,
            seat: None,
            move_at: None,
            acknowledge_at: None,
            reports_in_turn: 0,
            is_answered: false,
            shared,
        }
    }

    pub(super) async fn serve(mut self, answers: Sender<Answer>) {
        let end = loop {
            let next = tokio::select! {
                biased;
                () = answers.closed() => break StreamEnd::unread(),
                next = self.next() => next,
            };
            let answer = match next {
                Ok(Next::Frame(frame)) => self.answer(*frame).await,
                Ok(Next::Acknowledgement) => {
                    self.acknowledge_at = None;
                    Ok(match &mut self.session {
                        Some(session) => session.acknowledge().await,
                        None => None,
                    })
                }
                Ok(Next::End(end)) => break end,
                Err(status) => Err(status),
            };
            self.mind_acknowledgement();
            match answer {
                Ok(None) => {}
                Ok(Some(answer)) => {
                    if let Err(end) = self.send(Ok(answer), &answers).await {
                        break end;
                    }
                    self.session.iter().for_each(Session::told);
                    // A filter waits for its answer. Who sends frame after frame waits for others.
                    self.is_answered = true;
                }
                Err(status) => {
                    // Nobody waits for it when the stream broke.
                    let _ = self.send(Err(status.clone()), &answers).await;
                    break StreamEnd::with(status);
                }
            }
            self.take_turns().await;
        };
        self.end(&end).await;
    }

    /// An error says why it was not sent. Who does not read holds up nothing but this stream:
    /// neither the newer one that takes its place, nor the server's end.
    async fn send(&self, answer: Answer, answers: &Sender<Answer>) -> Result<(), StreamEnd> {
        tokio::select! {
            biased;
            sent = answers.send(answer) => sent.map_err(|_| StreamEnd::unread()),
            end = has_to_end(&self.shared, self.seat.as_ref()) => Err(end),
        }
    }

    /// Who reports much, or asks without waiting, lets others have their turn. Not after each
    /// frame: what belongs together would be torn apart, and an ask behind it overtake an end.
    async fn take_turns(&mut self) {
        if self.is_answered || self.reports_in_turn >= REPORTS_MAX {
            (self.is_answered, self.reports_in_turn) = (false, 0);
            task::yield_now().await;
        }
    }

    /// An Envoy that replaces the filter resets its stream in the same breath in which the filter
    /// reports its last requests: what has arrived is read, although nobody waits for answers.
    async fn end(mut self, end: &StreamEnd) {
        let Some(mut session) = self.session.take() else { return self.log_ungreeted(end) };
        while let Some(Ok(Some(frame))) = self.inbound.message().now_or_never() {
            session.answer_nobody(frame).await;
        }
        self.log_end(&session, end);
        session.close();
        drop(self.seat.take());
    }

    async fn next(&mut self) -> Result<Next, Status> {
        let next = async {
            let frame = match (&self.session, self.acknowledge_at) {
                (None, _) => timeout(HELLO_TIMEOUT, self.inbound.message())
                    .await
                    .unwrap_or_else(|_| Err(Status::deadline_exceeded("no hello in time"))),
                (Some(_), None) => self.inbound.message().await,
                // Also of a worker whose frames never cease.
                (Some(_), Some(due)) if due <= Instant::now() => return Ok(Next::Acknowledgement),
                (Some(_), Some(due)) => match timeout_at(due, self.inbound.message()).await {
                    Ok(frame) => frame,
                    Err(_) => return Ok(Next::Acknowledgement),
                },
            };
            Ok(frame?.map_or(Next::End(StreamEnd::Closed), |frame| Next::Frame(Box::new(frame))))
        };
        let has_to_end = has_to_end(&self.shared, self.seat.as_ref());
        // All that it was asked is answered by now. Without the store nobody else could go on with it.
        let has_to_move = async {
            match self.move_at {
                #[expect(clippy::disallowed_methods, reason = "how long it stays is a time")]
                Some(due) if !self.shared.ledger.store_is_away() => sleep_until(due).await,
                Some(_) | None => pending().await,
            }
        };
        let may_not_stay = async {
            match &mut self.stay {
                Some(stay) => stay.ended().await,
                None => pending().await,
            }
        };
        let is_not_vouched_for = async {
            match &mut self.vouched {
                Some(vouched) => vouched.ended().await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            end = has_to_end => Ok(Next::End(end)),
            why = is_not_vouched_for => {
                // Envoy would open its next stream on the connection of the certificate that it has no more.
                self.connection.iter().for_each(|connection| connection.handle.close());
                Err(why.into())
            }
            refusal = may_not_stay => Err(refusal.into()),
            () = has_to_move => Ok(Next::End(StreamEnd::Moved)),
            next = next => next,
        }
    }

    /// Ends that no answer acknowledges soon are acknowledged by themselves.
    fn mind_acknowledgement(&mut self) {
        if !self.session.as_ref().is_some_and(Session::owes_acknowledgement) {
            self.acknowledge_at = None;
        } else if self.acknowledge_at.is_none() {
            self.acknowledge_at = Some(Instant::now() + ACKNOWLEDGED_WITHIN);
        }
    }

    async fn answer(&mut self, frame: FilterFrame) -> Result<Option<ControlFrame>, Status> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.start_session(frame.hello.as_ref()).await?,
        };
        self.reports_in_turn = self.reports_in_turn.saturating_add(reports(&frame).max(1));
        let answer = session.answer(frame).await;
        self.session = Some(session);
        answer
    }

    async fn start_session(&mut self, hello: Option<&Hello>) -> Result<Session, Status> {
        let greeting = Greeting::read(hello)?;
        // Before it takes the place of another stream of its worker.
        greeting.check_identity(self.shared.ledger.identity())?;
        greeting.check_newest(&self.shared.ledger)?;
        self.seat = Some(self.shared.seats.take(greeting.worker).await);
        let (ledger, metrics) = (Arc::clone(&self.shared.ledger), self.shared.metrics.clone());
        let filter = greeting.filter.clone();
        let (known_by, ours) = (greeting.identity, self.shared.ledger.identity());
        let comes_back = greeting.comes_back;
        let session = Session::start(greeting, ledger, metrics);
        self.opened = Some(Instant::now());
        self.move_at = self.shared.ledger.is_shared().then(|| Instant::now() + stay());
        self.at_work = self.connection.as_ref().map(|connection| connection.handle.at_work());
        self.log(|| {
            info!(
                peer = %self.peer,
                node = %session.node(),
                %filter,
                worker = ?session.worker().id(),
                open_requests = session.worker().held(),
                "decision stream opened{}",
                if comes_back { " again" } else { "" },
            );
        });
        if known_by != ours.into() {
            self.log(|| {
                warn!(
                    peer = %self.peer,
                    node = %session.node(),
                    "its filter knows clients by {}, and FLOWGUARD_IDENTITY={} here: give both the same, \
                     as `flowguard envoy-config` does",
                    known_by.word(),
                    ours.word(),
                );
            });
        }
        Ok(session)
    }

    fn log_end(&self, session: &Session, end: &StreamEnd) {
        let up_s = self.opened.map_or(0, |opened| opened.elapsed().as_secs());
        let (node, worker) = (session.node(), session.worker());
        let (id, open_requests) = (worker.id(), worker.held());
        self.log(|| {
            if let StreamEnd::Refused(_) = end {
                warn!(peer = %self.peer, %node, worker = ?id, up_s, open_requests, "decision stream {end}");
            } else {
                info!(peer = %self.peer, %node, worker = ?id, up_s, open_requests, "decision stream {end}");
            }
        });
    }

    /// Nobody said hello on it.
    fn log_ungreeted(&self, end: &StreamEnd) {
        if let StreamEnd::Refused(_) = end {
            self.log(|| warn!(peer = %self.peer, "decision stream {end}"));
        } else {
            debug!(peer = %self.peer, "decision stream without a hello {end}");
        }
    }

    fn log(&self, line: impl FnOnce()) {
        self.shared.log.log(line);
    }
}
