//! The page that Prometheus reads: section 5 of docs/contract.md, and what this process tells
//! of itself.

mod clients;

use std::{mem, ops::Deref, sync::Arc};

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::header;
use prometheus::{IntGauge, Opts, TextEncoder, process_collector::ProcessCollector};
use tracing::error;

use clients::Clients;

use crate::{
    clock::Clock,
    health::{self, Health},
    http_server::{Access, ApiError, fallback, method_not_allowed},
    ledger::Ledger,
    pieces::{self, Progress, Turns},
};

/// Prometheus' text format, as its own clients name it.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All that the page shows: a ledger's clients, and what is registered.
#[derive(Clone, Debug)]
pub struct Registry {
    ledger: Arc<Ledger>,
    clock: Clock,
    registered: prometheus::Registry,
}

/// For parts that count for themselves: they register here.
impl Deref for Registry {
    type Target = prometheus::Registry;

    fn deref(&self) -> &prometheus::Registry {
        &self.registered
    }
}

/// A registry that shows `ledger`'s clients, this process and this build.
pub fn registry(ledger: Arc<Ledger>, clock: Clock) -> Result<Registry, prometheus::Error> {
    let build = IntGauge::with_opts(
        Opts::new("flowguard_build_info", "Always 1; the label tells which release runs.")
            .const_label("version", env!("CARGO_PKG_VERSION")),
    )?;
    build.set(1);

    let registered = prometheus::Registry::new();
    registered.register(Box::new(build))?;
    registered.register(Box::new(ProcessCollector::for_self()))?;
    Ok(Registry { ledger, clock, registered })
}

/// How many pieces of pages are written at a time.
const WRITERS_MAX: usize = 1;

/// `/metrics` and `/health`, for the callers that `access` allows.
pub fn router(registry: Registry, health: Health, access: &Access) -> Router {
    let scrapes = Scrapes { registry, turns: Turns::new(WRITERS_MAX) };
    let router = Router::new()
        .route("/metrics", get(scrape))
        .with_state(scrapes)
        .merge(health::router(health))
        .fallback(fallback)
        .method_not_allowed_fallback(method_not_allowed);
    access.guard(router)
}

#[derive(Clone)]
struct Scrapes {
    registry: Registry,
    turns: Turns,
}

async fn scrape(State(scrapes): State<Scrapes>) -> Result<Response, ApiError> {
    let mut page = Page::new(scrapes.registry);
    let body = pieces::body(scrapes.turns, move |text| page.write(text)).await?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response())
}

/// A page that is being written.
struct Page {
    registry: Registry,
    clients: Clients,
    begun: bool,
}

impl Page {
    fn new(registry: Registry) -> Self {
        let clients = Clients::new(Arc::clone(&registry.ledger), registry.clock);
        Self { registry, clients, begun: false }
    }

    fn write(&mut self, text: &mut String) -> Progress {
        if !mem::replace(&mut self.begun, true) {
            self.clients.write_head(text);
        }
        if self.clients.write(text) {
            return Progress::More;
        }
        match TextEncoder.encode_utf8(&self.registry.gather(), text) {
            Ok(()) => Progress::End,
            Err(cause) => {
                error!("the metrics page cannot be written: {cause}");
                Progress::Broken
            }
        }
    }
}
