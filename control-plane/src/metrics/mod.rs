//! The page that Prometheus reads: section 5 of the external contract, and what this process tells
//! of itself.

mod clients;

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::header;
use prometheus::{IntGauge, Opts, Registry, TextEncoder, process_collector::ProcessCollector};
use tokio::{sync::Semaphore, task};
use tracing::error;

use clients::ClientCollector;

use crate::{
    clock::Clock,
    health::{self, Health},
    http_server::{ApiError, ErrorCode, fallback, method_not_allowed},
    ledger::Ledger,
};

/// Prometheus' text format, as its own clients name it.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A registry that shows `ledger`'s clients, this process and this build; other parts add what they
/// count.
pub fn registry(ledger: Arc<Ledger>, clock: Clock) -> Result<Registry, prometheus::Error> {
    let build = IntGauge::with_opts(
        Opts::new("flowguard_build_info", "Always 1; the label tells which release runs.")
            .const_label("version", env!("CARGO_PKG_VERSION")),
    )?;
    build.set(1);

    let registry = Registry::new();
    registry.register(Box::new(build))?;
    registry.register(Box::new(ClientCollector::new(ledger, clock)?))?;
    registry.register(Box::new(ProcessCollector::for_self()))?;
    Ok(registry)
}

/// `/metrics` and `/health`.
pub fn router(registry: Registry, health: Health) -> Router {
    let page = Page { registry, one_at_a_time: Arc::new(Semaphore::new(1)) };
    Router::new()
        .route("/metrics", get(show))
        .with_state(page)
        .merge(health::router(health))
        .fallback(fallback)
        .method_not_allowed_fallback(method_not_allowed)
}

#[derive(Clone)]
struct Page {
    registry: Registry,
    /// A page of a large installation takes much memory and a core: scrapes queue for it.
    one_at_a_time: Arc<Semaphore>,
}

async fn show(State(page): State<Page>) -> Result<Response, ApiError> {
    let turn = page.one_at_a_time.acquire_owned().await;
    let text = task::spawn_blocking(move || {
        let text = TextEncoder::new().encode_to_string(&page.registry.gather());
        drop(turn);
        text
    });
    match text.await {
        Ok(Ok(text)) => Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()),
        Ok(Err(cause)) => {
            error!("the metrics page cannot be written: {cause}");
            Err(ApiError::new(ErrorCode::InternalError, "the metrics page cannot be written"))
        }
        Err(_) => Err(ApiError::new(ErrorCode::Stopping, "the process is stopping")),
    }
}
