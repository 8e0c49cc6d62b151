//! The gRPC server of the decision stream.

use std::{sync::Arc, time::Duration};

use proto::decision::{
    FilterFrame,
    decision_service_server::{DecisionService, DecisionServiceServer},
};
use tokio::{
    sync::mpsc,
    task,
    time::{self, MissedTickBehavior},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Request, Response, Status, Streaming, transport::Server};
use tracing::warn;

use super::{
    StreamMetrics,
    health::Health,
    seats::Seats,
    shared::{LINES_PER_SECOND_MAX, Shared},
    stream::{Answer, Stream},
};
use crate::{
    auth::{GrpcLayer, Lock, Stay},
    credentials::Scope,
    ledger::Ledger,
    listener::{
        ConnectionInfo, ConnectionLimits, DECISION_CONNECTIONS_MAX, Listener, Port, UNREAD_TIMEOUT,
    },
    log_budget::LogBudget,
};

/// The largest frame that is read: as many asks and drops as it may have, with the longest ids and
/// identities.
const FRAME_BYTES_MAX: usize = 512 * 1024;

/// Each worker of each Envoy has one connection, and answers a ping on it every
/// [`KEEPALIVE_INTERVAL`]: a connection that is silent for longer is closed and makes room. So is
/// one that answers pings and has no stream that said hello, which takes
/// [`HELLO_TIMEOUT`](super::stream::HELLO_TIMEOUT) at most.
const LIMITS: ConnectionLimits = ConnectionLimits {
    connections_max: DECISION_CONNECTIONS_MAX,
    read_timeout: Some(Duration::from_secs(30)),
    idle_timeout: Some(Duration::from_secs(15)),
    unread_timeout: UNREAD_TIMEOUT,
};

/// A worker opens one stream; a few more come from workers that are being replaced.
const STREAMS_PER_CONNECTION_MAX: u32 = 64;

/// Finds workers that vanished without closing: their streams end, and what they hold waits for
/// their next one.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long this control plane serves on after it has said that it stops, where there are others to
/// go to. Envoys ask once a second, and know by then which of the others are well.
const NOTICE: Duration = Duration::from_millis(1_500);

/// How often it is looked which workers have been away for too long.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Serves decisions on `port` to those whom `lock` lets in until `shutdown`; streams that are open end
/// between two frames. Where other control planes have the same store, Envoys are told beforehand.
pub async fn serve(
    port: impl Into<Port>,
    ledger: Arc<Ledger>,
    metrics: StreamMetrics,
    lock: Lock,
    shutdown: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let port = port.into();
    let streams = TaskTracker::new();
    let closing = CancellationToken::new();
    let mut health = Health::well().await;
    let decisions = Decisions {
        streams: streams.clone(),
        lock: lock.clone(),
        wants_certificate: port.asks_for_certificate() && !lock.is_closed(),
        shared: Shared {
            ledger: Arc::clone(&ledger),
            metrics,
            seats: Seats::default(),
            log: LogBudget::new(LINES_PER_SECOND_MAX, "decision streams"),
            shutdown: closing.clone(),
        },
    };
    streams.spawn(look_after_ledger(decisions.shared.clone()));
    let notice = decisions.shared.ledger.is_shared().then_some(NOTICE);
    let service = DecisionServiceServer::new(decisions).max_decoding_message_size(FRAME_BYTES_MAX);
    let serve = Server::builder()
        .layer(GrpcLayer::new(lock))
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .add_service(service)
        .add_service(health.service())
        .serve_with_incoming_shutdown(
            Listener::new(port, LIMITS).into_stream(),
            closing.clone().cancelled_owned(),
        );
    let stop = async {
        shutdown.cancelled().await;
        health.stop().await;
        if let Some(notice) = notice {
            #[expect(clippy::disallowed_methods, reason = "nobody tells what Envoys have heard")]
            time::sleep(notice).await;
        }
        health.close().await;
        closing.cancel();
    };
    let (served, ()) = tokio::join!(serve, stop);
    served?;
    // Until then what they told may not be written down.
    streams.close();
    streams.wait().await;
    // Others tell what this control plane counted when it is no more.
    ledger.tell_tallies().await;
    // From now on they have its part of the limits.
    ledger.leave_store().await;
    Ok(())
}

/// Does what no frame brings about, until the server stops: tells how many ids that nobody
/// configured went unnamed, and gives up on workers that do not come back.
async fn look_after_ledger(shared: Shared) {
    let mut looks = time::interval(LOOK_INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while shared.shutdown.run_until_cancelled(looks.tick()).await.is_some() {
        shared.ledger.tell_of_unconfigured_ids();
        loop {
            let ended = shared.ledger.give_up_on_absent_workers().await;
            for ended in &ended {
                shared.metrics.ended(ended);
            }
            if ended.is_empty() {
                break;
            }
            // Decisions come first.
            task::yield_now().await;
        }
    }
}

struct Decisions {
    streams: TaskTracker,
    lock: Lock,
    /// Nobody but who shows one may spend, settle or read balances. Behind a closed lock a token does
    /// as well, and it has looked.
    wants_certificate: bool,
    shared: Shared,
}

impl Decisions {
    /// Before anything is read that a stranger sends.
    fn refuse_stranger(&self, connection: Option<&ConnectionInfo>) -> Result<(), Status> {
        let shown = connection.and_then(|connection| connection.certificate.as_ref());
        if shown.is_some_and(|certificate| certificate.check().is_ok()) {
            return Ok(());
        }
        let peer = connection.and_then(|connection| connection.peer);
        let peer = peer.map(|peer| peer.to_string()).unwrap_or_default();
        self.shared.log.log(|| warn!(peer, "decision stream refused: no client certificate"));
        Err(Status::unauthenticated(
            "no client certificate: show one that TLS_CLIENT_CA_FILE of the control plane vouches \
             for, in Envoy ENVOY_CERT_FILE with ENVOY_KEY_FILE",
        ))
    }
}

#[tonic::async_trait]
impl DecisionService for Decisions {
    type DecideStream = ReceiverStream<Answer>;

    async fn decide(
        &self,
        request: Request<Streaming<FilterFrame>>,
    ) -> Result<Response<ReceiverStream<Answer>>, Status> {
        let connection = request.extensions().get::<ConnectionInfo>().cloned();
        if self.wants_certificate {
            self.refuse_stranger(connection.as_ref())?;
        }
        let stay = Stay::of(&self.lock, request.extensions(), Scope::Decide);
        let stream = Stream::new(request.into_inner(), connection, stay, self.shared.clone());
        // The next frame is read when the answer to the last one was taken.
        let (answers, taken) = mpsc::channel(1);
        self.streams.spawn(stream.serve(answers));
        Ok(Response::new(ReceiverStream::new(taken)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read as _};

    use limiter::UnixMillis;
    use prometheus::Registry;
    use tracing::subscriber;

    use super::*;
    use crate::ledger::{Ask, ManualClock, Policy, RequestKind, WorkerId};

    #[tokio::test(start_paused = true)]
    #[expect(clippy::disallowed_methods, reason = "a clock that stands still is moved by it")]
    async fn ids_that_went_unnamed_are_told_once_their_minute_is_over_though_nobody_asks() {
        let (mut log, writer) = io::pipe().unwrap();
        let lines = tracing_subscriber::fmt().with_writer(Arc::new(writer)).finish();
        let clock = ManualClock::at(UnixMillis(60_000));
        let shared = Shared {
            ledger: Arc::new(Ledger::new(Policy::default(), clock.clone())),
            metrics: StreamMetrics::register(&Registry::new()).unwrap(),
            seats: Seats::default(),
            log: LogBudget::new(LINES_PER_SECOND_MAX, "decision streams"),
            shutdown: CancellationToken::new(),
        };
        let told = subscriber::set_default(lines);
        let worker = shared.ledger.join(WorkerId(1));
        for id in 0..12 {
            let client = &format!("stranger-{id}");
            let ask = Ask { id, client, estimate: None, kind: RequestKind::Generates, model: None };
            shared.ledger.decide(&worker, &[ask]).await;
        }
        clock.set(UnixMillis(120_000));
        let shutdown = shared.shutdown.clone();
        let stop = async {
            time::sleep(LOOK_INTERVAL).await;
            shutdown.cancel();
        };
        tokio::join!(look_after_ledger(shared), stop);
        drop(told);
        let mut text = String::new();
        log.read_to_string(&mut text).unwrap();
        assert_eq!(text.matches("an id that nobody configured").count(), 10, "{text}");
        assert_eq!(text.matches(" 2 further requests within a minute").count(), 1, "{text}");
    }
}
