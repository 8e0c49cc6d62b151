//! Serves HTTP/1.1 on a listener, with a bound on everything a peer could hold on to.
//!
//! `axum::serve` waits for a request's header without end; this is hyper's server with time
//! limits for the header, for the whole request and for a peer that does not read its answer.
//! HTTP/1.1 alone: telling HTTP/2 apart means to read ahead of the header's time limit, and
//! nobody asks an operator's API for it in plain text.

use std::{convert::Infallible, time::Duration};

use axum::{
    Router,
    body::Body,
    response::{IntoResponse, Response},
};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{task::JoinSet, time};
use tokio_util::sync::CancellationToken;
use tower::Service as _;
use tracing::debug;

use super::{
    ApiError, ErrorCode, hardening,
    problem::ErrorForm,
    work::{ArrivingBody, LeavingBody, Work},
};
use crate::listener::{
    ConnectionInfo, ConnectionLimits, EVENT_STREAMS_MAX, HEALTH_CONNECTIONS_MAX, Listener,
    OPERATOR_CONNECTIONS_MAX, Port, UNREAD_TIMEOUT,
};

/// This server sees to its own timeouts.
const LIMITS: ConnectionLimits = ConnectionLimits {
    connections_max: OPERATOR_CONNECTIONS_MAX,
    read_timeout: None,
    idle_timeout: None,
    unread_timeout: UNREAD_TIMEOUT,
};

/// Of a port that has streams of events beside all else.
pub const LIMITS_WITH_EVENTS: ConnectionLimits =
    ConnectionLimits { connections_max: OPERATOR_CONNECTIONS_MAX + EVENT_STREAMS_MAX, ..LIMITS };

/// Of a port of health alone.
const HEALTH_LIMITS: ConnectionLimits =
    ConnectionLimits { connections_max: HEALTH_CONNECTIONS_MAX, ..LIMITS };

/// The longest header, which is all that a connection keeps in memory before it is understood.
const HEADER_BYTES_MAX: usize = 64 * 1024;

/// How long a header may take, and how long a connection may idle before the next.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request may take from its header to the header of its answer, its body included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves `router` on `port` until `shutdown`, then finishes the requests that are open; the caller bounds how
/// long that may take, and cuts off the rest by dropping this future.
pub async fn serve(port: impl Into<Port>, router: Router, shutdown: CancellationToken) {
    serve_on(Listener::new(port, LIMITS), router, shutdown).await;
}

/// The same on a port of which a router also streams events.
pub async fn serve_with_events(port: impl Into<Port>, router: Router, shutdown: CancellationToken) {
    serve_within(LIMITS_WITH_EVENTS, port, router, shutdown).await;
}

/// The same within other limits.
pub async fn serve_within(
    limits: ConnectionLimits,
    port: impl Into<Port>,
    router: Router,
    shutdown: CancellationToken,
) {
    serve_on(Listener::new(port, limits), router, shutdown).await;
}

/// The same on a port where a few people and probes ask for health alone.
pub async fn serve_health(port: impl Into<Port>, router: Router, shutdown: CancellationToken) {
    serve_on(Listener::new(port, HEALTH_LIMITS), router, shutdown).await;
}

async fn serve_on(mut listener: Listener, router: Router, shutdown: CancellationToken) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES_MAX);

    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next() => {}
            connection = listener.accept() => {
                let info = connection.info();
                let handle = info.handle.clone();
                let router = router.clone();
                let answer = service_fn(move |request| answer(router.clone(), info.clone(), request));
                let served = graceful.watch(http.serve_connection(TokioIo::new(connection), answer));
                connections.spawn(async move {
                    tokio::select! {
                        served = served => if let Err(error) = served {
                            debug!("a connection broke: {error}");
                        },
                        // hyper itself does not look at a connection while it waits for a handler.
                        () = handle.asked_to_go() => debug!("a connection made room"),
                    }
                });
            }
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

async fn answer(
    mut router: Router,
    connection: ConnectionInfo,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let work = Work::on(connection.handle.clone());
    let form = ErrorForm::asked_for(request.headers());
    let mut request = request.map(|body| Body::new(ArrivingBody::new(body, &work)));
    let handle = connection.handle.clone();
    request.extensions_mut().insert(connection);
    let response = match time::timeout(REQUEST_TIMEOUT, router.call(request)).await {
        Ok(response) => response?,
        Err(_) => {
            ApiError::new(ErrorCode::REQUEST_TIMEOUT, "the request took too long").into_response()
        }
    };
    let response = form.put(response).await;
    let answering = handle.answering();
    drop(work);
    Ok(hardening::harden(response).map(|body| Body::new(LeavingBody::new(body, answering))))
}
