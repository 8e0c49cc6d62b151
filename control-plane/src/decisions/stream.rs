//! One stream, and a task: it reads a frame, has it decided, answers, and in the end waits until
//! what its requests held has ended.
//!
//! A stream that was polled by its connection would be polled again at once, and could not let
//! others have their turn.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use proto::{
    REPORTS_MAX,
    decision::{ControlFrame, FilterFrame, Hello},
};
use tokio::{sync::mpsc::Sender, task, time::timeout};
use tonic::{Code, Status, Streaming};
use tracing::{debug, info, warn};

use super::{Session, frame::reports, shared::Shared};
use crate::{
    ledger::WorkerId,
    listener::{AtWork, ConnectionInfo},
};

/// How long a stream may take to say hello.
pub(super) const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) type Answer = Result<ControlFrame, Status>;

pub(super) struct Stream {
    worker: WorkerId,
    inbound: Streaming<FilterFrame>,
    peer: String,
    connection: Option<ConnectionInfo>,
    /// Once the worker said hello, its connection keeps its place.
    at_work: Option<AtWork>,
    /// `None` until the worker said hello.
    session: Option<Session>,
    /// Reports taken since the others had their turn.
    reports_in_turn: usize,
    /// It was answered: the others come first now.
    is_answered: bool,
    shared: Shared,
}

impl Stream {
    pub(super) fn new(
        worker: WorkerId,
        inbound: Streaming<FilterFrame>,
        connection: Option<ConnectionInfo>,
        shared: Shared,
    ) -> Self {
        let peer = connection.as_ref().and_then(|connection| connection.peer);
        Self {
            worker,
            inbound,
            peer: peer.map(|peer| peer.to_string()).unwrap_or_default(),
            connection,
            at_work: None,
            session: None,
            reports_in_turn: 0,
            is_answered: false,
            shared,
        }
    }

    pub(super) async fn serve(mut self, answers: Sender<Answer>) {
        loop {
            let frame = tokio::select! {
                biased;
                () = answers.closed() => break,
                frame = self.next_frame() => frame,
            };
            let answer = match frame {
                Ok(Some(frame)) => self.answer(frame).await,
                Ok(None) => break,
                Err(status) => Err(status),
            };
            match answer {
                Ok(None) => {}
                Ok(Some(answer)) => {
                    if answers.send(Ok(answer)).await.is_err() {
                        break;
                    }
                    // A filter waits for its answer. Who sends frame after frame waits for others.
                    self.is_answered = true;
                }
                Err(status) => {
                    self.log_end(&status);
                    // Nobody waits for it when the stream broke.
                    let _ = answers.send(Err(status)).await;
                    break;
                }
            }
            self.take_turns().await;
        }
        self.end().await;
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
    async fn end(mut self) {
        let Some(mut session) = self.session.take() else { return };
        while let Some(Ok(Some(frame))) = self.inbound.message().now_or_never() {
            session.answer_nobody(frame).await;
        }
        session.close().await;
        self.log(|| info!(peer = %self.peer, "decision stream closed"));
    }

    /// `None`: the stream has ended.
    async fn next_frame(&mut self) -> Result<Option<FilterFrame>, Status> {
        let frame = async {
            if self.session.is_some() {
                return self.inbound.message().await;
            }
            timeout(HELLO_TIMEOUT, self.inbound.message())
                .await
                .unwrap_or_else(|_| Err(Status::deadline_exceeded("no hello in time")))
        };
        tokio::select! {
            biased;
            () = self.shared.shutdown.cancelled() => Ok(None),
            frame = frame => frame,
        }
    }

    async fn answer(&mut self, frame: FilterFrame) -> Result<Option<ControlFrame>, Status> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.start_session(frame.hello.as_ref())?,
        };
        self.reports_in_turn = self.reports_in_turn.saturating_add(reports(&frame).max(1));
        let answer = session.answer(frame).await;
        self.session = Some(session);
        answer
    }

    fn start_session(&mut self, hello: Option<&Hello>) -> Result<Session, Status> {
        let session = Session::start(
            hello,
            self.worker,
            Arc::clone(&self.shared.ledger),
            self.shared.metrics.clone(),
            self.shared.held_in_all.clone(),
        )?;
        self.at_work = self.connection.as_ref().map(|connection| connection.handle.at_work());
        let node = hello.map_or("", |hello| &hello.node);
        self.log(|| {
            info!(peer = %self.peer, node = %node.escape_debug(), "decision stream opened");
        });
        Ok(session)
    }

    fn log_end(&self, status: &Status) {
        match status.code() {
            // The peer has gone: nobody did anything wrong.
            Code::Cancelled | Code::Unknown => {
                debug!(peer = %self.peer, "decision stream broke: {}", status.message());
            }
            code => self.log(|| {
                warn!(peer = %self.peer, "decision stream refused: {code:?}: {}", status.message());
            }),
        }
    }

    fn log(&self, line: impl FnOnce()) {
        self.shared.log.log(self.shared.ledger.now(), line);
    }
}
