//! The page: every client first, then every limit, then all that is registered.

use std::{mem, sync::Arc};

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::header;
use prometheus::{IntGauge, Opts, Registry, TextEncoder, process_collector::ProcessCollector};
use tracing::error;

use super::{clients::Clients, limits};
use crate::{
    auth::Lock,
    health::{self, Health},
    http::{
        Access, ApiError, fallback, method_not_allowed,
        pieces::{self, Progress},
    },
    ledger::Ledger,
    turns::Turns,
};

/// Prometheus' text format, as its own clients name it.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How many pieces of pages are written at a time.
const WRITERS_MAX: usize = 1;

/// What this process and this build tell of themselves. Parts that count for themselves register
/// here too.
pub fn registry() -> Result<Registry, prometheus::Error> {
    let build = IntGauge::with_opts(
        Opts::new("flowguard_build_info", "Always 1; the label tells which release runs.")
            .const_label("version", env!("CARGO_PKG_VERSION")),
    )?;
    build.set(1);

    let registry = Registry::new();
    registry.register(Box::new(build))?;
    registry.register(Box::new(ProcessCollector::for_self()))?;
    Ok(registry)
}

/// `/metrics` and `/health`, for the callers that `access` allows and `lock` lets in. The page shows
/// `ledger`'s clients and what is registered.
pub fn router(
    ledger: Arc<Ledger>,
    registry: Registry,
    health: Health,
    access: &Access,
    lock: &Lock,
) -> Router {
    let scrapes = Scrapes { ledger, registry, turns: Turns::new(WRITERS_MAX) };
    let router = Router::new()
        .route("/metrics", get(scrape))
        .with_state(scrapes)
        .merge(health::router(health))
        .fallback(fallback)
        .method_not_allowed_fallback(method_not_allowed);
    access.guard(lock.guard(router))
}

#[derive(Clone)]
struct Scrapes {
    ledger: Arc<Ledger>,
    registry: Registry,
    turns: Turns,
}

async fn scrape(State(scrapes): State<Scrapes>) -> Result<Response, ApiError> {
    let Scrapes { ledger, registry, turns } = scrapes;
    let clients = Clients::new(Arc::clone(&ledger));
    let mut page = Page { registry, ledger, clients, begun: false };
    let body = pieces::body(turns, move |text| page.write(text)).await?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response())
}

/// A page that is being written.
struct Page {
    registry: Registry,
    ledger: Arc<Ledger>,
    clients: Clients,
    begun: bool,
}

impl Page {
    fn write(&mut self, text: &mut String) -> Progress {
        if !mem::replace(&mut self.begun, true) {
            self.clients.write_head(text);
        }
        if self.clients.write(text) {
            return Progress::More;
        }
        limits::write(text, &self.ledger);
        match TextEncoder.encode_utf8(&self.registry.gather(), text) {
            Ok(()) => Progress::End,
            Err(cause) => {
                error!("the metrics page cannot be written: {cause}");
                Progress::Broken
            }
        }
    }
}
