//! The decision stream: Envoy's workers ask here, one bidirectional gRPC stream each.

mod frame;
mod log_budget;
mod metrics;
mod session;
mod thread;

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use proto::decision::{
    ControlFrame, FilterFrame, Hello,
    decision_service_server::{DecisionService, DecisionServiceServer},
};
use tokio::{
    net::TcpListener,
    sync::mpsc::{self, Sender},
    task,
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;
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
    listener::{AtWork, ConnectionInfo, ConnectionLimits, DECISION_CONNECTIONS_MAX, Listener},
};

/// The largest frame that is read: as many asks and drops as it may have, with the longest ids.
const FRAME_BYTES_MAX: usize = 256 * 1024;

/// Each worker of each Envoy has one connection, and answers a ping on it every
/// [`KEEPALIVE_INTERVAL`]: who says nothing for so long is none and makes room. So is who answers
/// pings and has no stream that said hello, which takes [`HELLO_TIMEOUT`] at most.
const LIMITS: ConnectionLimits = ConnectionLimits {
    connections_max: DECISION_CONNECTIONS_MAX,
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

type Answer = Result<ControlFrame, Status>;

#[tonic::async_trait]
impl DecisionService for Decisions {
    type DecideStream = ReceiverStream<Answer>;

    async fn decide(
        &self,
        request: Request<Streaming<FilterFrame>>,
    ) -> Result<Response<ReceiverStream<Answer>>, Status> {
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
        // The next frame is read when the answer to the last one was taken.
        let (answers, taken) = mpsc::channel(1);
        task::spawn(worker.serve(answers));
        Ok(Response::new(ReceiverStream::new(taken)))
    }
}

/// One stream, and a task: one that is polled by its connection would be polled again at once, and
/// could not let others have their turn.
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
    async fn serve(mut self, answers: Sender<Answer>) {
        loop {
            let frame = tokio::select! {
                biased;
                () = answers.closed() => break,
                frame = self.next_frame() => frame,
            };
            let answer = match frame {
                Ok(Some(frame)) => self.answer(frame),
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
                    self.reports_in_turn = REPORTS_MAX;
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
        self.end();
    }

    /// Who reports much, or asks without waiting, lets others have their turn. Not after each
    /// frame: what belongs together would be torn apart, and an ask behind it overtake an end.
    async fn take_turns(&mut self) {
        if self.reports_in_turn >= REPORTS_MAX {
            self.reports_in_turn = 0;
            task::yield_now().await;
        }
    }

    /// An Envoy that replaces the filter resets its stream in the same breath in which the filter
    /// reports its last requests: what has arrived is read, although nobody waits for answers.
    fn end(mut self) {
        let Some(mut session) = self.session.take() else { return };
        while let Some(Ok(Some(frame))) = self.inbound.message().now_or_never() {
            session.end_requests(frame, self.clock.now());
        }
        self.log.log(self.clock.now(), || info!(peer = %self.peer, "decision stream closed"));
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
