//! The decision stream: Envoy's workers ask here, one bidirectional gRPC stream each.

mod frame;
mod log_budget;
mod metrics;
mod session;
mod thread;

use std::{pin::Pin, sync::Arc, time::Duration};

use futures_util::{FutureExt, Stream, stream};
use proto::decision::{
    ControlFrame, FilterFrame, Hello,
    decision_service_server::{DecisionService, DecisionServiceServer},
};
use tokio::{net::TcpListener, task, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status, Streaming, transport::Server};
use tracing::{debug, info, warn};

pub use frame::{ASKS_MAX, REPORTS_MAX};
pub use metrics::StreamMetrics;
pub use session::{HeldInAll, Session};
pub use thread::{ServeError, serve_on_own_thread};

use log_budget::LogBudget;

use crate::{
    clock::Clock,
    ledger::Ledger,
    listener::{AtWork, ConnectionInfo, ConnectionLimits, Listener},
};

/// The largest frame that is read: as many asks and drops as it may have, with the longest ids.
const FRAME_BYTES_MAX: usize = 256 * 1024;

/// Each worker of each Envoy has one connection, and answers a ping on it every
/// [`KEEPALIVE_INTERVAL`]: who says nothing for so long is none and makes room. So is who answers
/// pings and has no stream that said hello, which takes [`HELLO_TIMEOUT`] at most.
const LIMITS: ConnectionLimits = ConnectionLimits {
    connections_max: 512,
    read_timeout: Some(Duration::from_secs(30)),
    idle_timeout: Some(Duration::from_secs(15)),
};

/// A worker opens one stream; a few more come from workers that are being replaced.
const STREAMS_PER_CONNECTION_MAX: u32 = 64;

/// How long a stream may take to say hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// Finds workers that vanished without closing: their streams end, and what they hold is dropped.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves decisions on `listener` until `shutdown`; streams that are open end between two frames.
pub async fn serve(
    listener: TcpListener,
    ledger: Arc<Ledger>,
    clock: Clock,
    metrics: StreamMetrics,
    shutdown: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let decisions = Decisions {
        ledger,
        clock,
        metrics,
        held_in_all: HeldInAll::default(),
        log: LogBudget::default(),
        shutdown: shutdown.clone(),
    };
    let service = DecisionServiceServer::new(decisions).max_decoding_message_size(FRAME_BYTES_MAX);
    Server::builder()
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .add_service(service)
        .serve_with_incoming_shutdown(
            Listener::new(listener, LIMITS).into_stream(),
            shutdown.cancelled_owned(),
        )
        .await
}

struct Decisions {
    ledger: Arc<Ledger>,
    clock: Clock,
    metrics: StreamMetrics,
    held_in_all: HeldInAll,
    log: LogBudget,
    shutdown: CancellationToken,
}

type AnswerStream = Pin<Box<dyn Stream<Item = Result<ControlFrame, Status>> + Send>>;

#[tonic::async_trait]
impl DecisionService for Decisions {
    type DecideStream = AnswerStream;

    async fn decide(
        &self,
        request: Request<Streaming<FilterFrame>>,
    ) -> Result<Response<AnswerStream>, Status> {
        let connection = request.extensions().get::<ConnectionInfo>().cloned();
        let worker = Worker {
            inbound: request.into_inner(),
            clock: self.clock,
            shutdown: self.shutdown.clone(),
            peer: connection
                .as_ref()
                .and_then(|connection| connection.peer)
                .map(|peer| peer.to_string())
                .unwrap_or_default(),
            connection,
            at_work: None,
            session: None,
            reports_in_turn: 0,
            ledger: Arc::clone(&self.ledger),
            metrics: self.metrics.clone(),
            held_in_all: self.held_in_all.clone(),
            log: self.log.clone(),
        };
        Ok(Response::new(Box::pin(stream::unfold(worker, Worker::next_answer))))
    }
}

/// One stream. There is no task and no queue of its own: the next frame is read when the answer
/// to the last one was taken.
struct Worker {
    inbound: Streaming<FilterFrame>,
    clock: Clock,
    shutdown: CancellationToken,
    peer: String,
    connection: Option<ConnectionInfo>,
    /// Once the worker said hello, its connection keeps its place.
    at_work: Option<AtWork>,
    /// `None` until the worker said hello.
    session: Option<Session>,
    /// Since the others had theirs.
    reports_in_turn: usize,
    ledger: Arc<Ledger>,
    metrics: StreamMetrics,
    held_in_all: HeldInAll,
    log: LogBudget,
}

impl Worker {
    async fn next_answer(mut self) -> Option<(Result<ControlFrame, Status>, Self)> {
        loop {
            let answer = match self.next_frame().await {
                Ok(frame) => self.answer(frame?),
                Err(status) => Err(status),
            };
            match answer {
                Ok(Some(answer)) => return Some((Ok(answer), self)),
                Ok(None) => self.take_turns().await,
                Err(status) => {
                    self.log_end(&status);
                    return Some((Err(status), self));
                }
            }
        }
    }

    /// Who reports much lets the others have their turn. Not after each frame: what belongs together
    /// would be torn apart, and the ask behind it overtake an end.
    async fn take_turns(&mut self) {
        if self.reports_in_turn >= REPORTS_MAX {
            self.reports_in_turn = 0;
            task::yield_now().await;
        }
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
            () = self.shutdown.cancelled() => Ok(None),
            frame = frame => frame,
        }
    }

    fn answer(&mut self, frame: FilterFrame) -> Result<Option<ControlFrame>, Status> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.start_session(frame.hello.as_ref())?,
        };
        let reports = frame.settles.len() + frame.cancels.len() + frame.drops.len();
        self.reports_in_turn = self.reports_in_turn.saturating_add(reports.max(1));
        let answer = session.answer(frame, self.clock.now());
        self.session = Some(session);
        answer
    }

    fn log_end(&self, status: &Status) {
        match status.code() {
            // The peer has gone: nobody did anything wrong.
            Code::Cancelled | Code::Unknown => {
                debug!(peer = %self.peer, "decision stream broke: {}", status.message());
            }
            code => self.log.log(self.clock.now(), || {
                warn!(peer = %self.peer, "decision stream refused: {code:?}: {}", status.message());
            }),
        }
    }

    fn start_session(&mut self, hello: Option<&Hello>) -> Result<Session, Status> {
        let session = Session::start(
            hello,
            Arc::clone(&self.ledger),
            self.metrics.clone(),
            self.held_in_all.clone(),
        )?;
        self.at_work = self.connection.as_ref().map(|connection| connection.handle.at_work());
        let node = hello.map_or("", |hello| &hello.node);
        self.log.log(self.clock.now(), || {
            info!(peer = %self.peer, node = %node.escape_debug(), "decision stream opened");
        });
        Ok(session)
    }
}

impl Drop for Worker {
    /// An Envoy that replaces the filter resets its stream in the same breath in which the filter
    /// reports its last requests: what has arrived is read, although nobody waits for answers.
    fn drop(&mut self) {
        let Some(mut session) = self.session.take() else { return };
        while let Some(Ok(Some(frame))) = self.inbound.message().now_or_never() {
            session.end_requests(frame, self.clock.now());
        }
        self.log.log(self.clock.now(), || info!(peer = %self.peer, "decision stream closed"));
    }
}
