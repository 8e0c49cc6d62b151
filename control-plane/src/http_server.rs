//! Serves HTTP/1.1 on a listener, with a bound on everything a peer could hold on to.
//!
//! `axum::serve` waits for a request's header without end; this is hyper's server with time
//! limits for the header, for the whole request and for a peer that does not read its answer.
//! HTTP/1.1 alone: telling HTTP/2 apart means to read ahead of the header's time limit, and
//! nobody asks an admin API for it in plain text.

mod error;

use std::time::Duration;

use axum::{
    Router,
    extract::Request,
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, task::JoinSet, time};
use tokio_util::sync::CancellationToken;
use tracing::debug;

pub use error::{ApiError, ErrorCode};
pub(crate) use error::{fallback, method_not_allowed};

use crate::listener::{ConnectionLimits, Listener};

/// With the other admin ports and the decision stream's 512 this stays below the 1,024 file
/// descriptors that a process usually has.
const LIMITS: ConnectionLimits = ConnectionLimits { connections_max: 128, read_timeout: None };

/// The longest header, which is all that a connection keeps in memory before it is understood.
const HEADER_BYTES_MAX: usize = 64 * 1024;

/// How long a header may take, and how long a connection may idle before the next.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request may take from its header to the header of its answer, its body included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves `router` until `shutdown`, then finishes the requests that are open; the caller bounds how
/// long that may take, and cuts off the rest by dropping this future.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let listener = Listener::new(listener, LIMITS);
    let router = router.layer(middleware::from_fn(in_time));
    let service = TowerToHyperService::new(router);
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
                let served = http.serve_connection(TokioIo::new(connection), service.clone());
                let served = graceful.watch(served);
                connections.spawn(async move {
                    if let Err(error) = served.await {
                        debug!("a connection broke: {error}");
                    }
                });
            }
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

async fn in_time(request: Request, next: Next) -> Response {
    match time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            ApiError::new(ErrorCode::RequestTimeout, "the request took too long").into_response()
        }
    }
}
