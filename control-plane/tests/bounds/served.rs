//! A control plane on four free ports of this process.

use std::{future, net::SocketAddr, sync::Arc};

use flowguard::{
    auth::Lock,
    decisions::{self, StreamMetrics},
    health::Health,
    http::{self, Access},
    ledger::Ledger,
    metrics,
    operator::{Operator, grpc, rest},
    store::ConfigStore,
};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Where it listens, until it is dropped.
pub(crate) struct Served {
    pub(crate) rest: SocketAddr,
    pub(crate) metrics: SocketAddr,
    pub(crate) grpc: SocketAddr,
    pub(crate) decision: SocketAddr,
    _shutdown: DropGuard,
}

/// Serves it as the process does: decisions on a thread of their own.
pub(crate) async fn serve(ledger: Arc<Ledger>, store: impl ConfigStore + 'static) -> Served {
    let operator = Arc::new(Operator::new(Arc::clone(&ledger), Box::new(store)));
    let access = Access::default();
    let registry = metrics::registry().expect("metrics");
    let stream_metrics = StreamMetrics::register(&registry).expect("metrics");
    let shutdown = CancellationToken::new();

    let (listener, rest) = bound().await;
    let router = rest::router(Arc::clone(&operator), Health::ready(), &access, &Lock::open());
    tokio::spawn(http::serve(listener, router, shutdown.clone()));
    let (listener, metrics) = bound().await;
    let router =
        metrics::router(Arc::clone(&ledger), registry, Health::ready(), &access, &Lock::open());
    tokio::spawn(http::serve(listener, router, shutdown.clone()));
    let (listener, grpc) = bound().await;
    tokio::spawn(grpc::serve(listener, operator, Health::ready(), Lock::open(), shutdown.clone()));
    let (listener, decision) = bound().await;
    let stop = shutdown.clone();
    tokio::spawn(decisions::serve_on_own_thread(
        listener,
        ledger,
        stream_metrics,
        Lock::open(),
        future::ready(()),
        stop,
    ));
    Served { rest, metrics, grpc, decision, _shutdown: shutdown.drop_guard() }
}

async fn bound() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}
