//! The page that Prometheus reads: section 5 of the external contract, and what this process tells
//! of itself.

mod clients;
mod page;

use std::{ops::Deref, sync::Arc};

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::header;
use prometheus::{IntGauge, Opts, TextEncoder, process_collector::ProcessCollector};
use tokio::{sync::Semaphore, task};
use tracing::{debug, error};

use page::{Gone, Page};

use crate::{
    clock::Clock,
    health::{self, Health},
    http_server::{fallback, method_not_allowed},
    ledger::Ledger,
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

/// Pages that are written at a time; further scrapes wait. Each holds a snapshot of all clients, and
/// one whose reader stalls keeps its turn until the connection's write timeout: one alone would
/// keep everybody else waiting.
const SCRAPES_MAX: usize = 4;

/// `/metrics` and `/health`.
pub fn router(registry: Registry, health: Health) -> Router {
    let scrapes = Scrapes { registry, turns: Arc::new(Semaphore::new(SCRAPES_MAX)) };
    Router::new()
        .route("/metrics", get(scrape))
        .with_state(scrapes)
        .merge(health::router(health))
        .fallback(fallback)
        .method_not_allowed_fallback(method_not_allowed)
}

#[derive(Clone)]
struct Scrapes {
    registry: Registry,
    turns: Arc<Semaphore>,
}

async fn scrape(State(scrapes): State<Scrapes>) -> Response {
    let turn = scrapes.turns.acquire_owned().await;
    let (page, body) = Page::new();
    task::spawn_blocking(move || {
        if write(&scrapes.registry, page).is_err() {
            debug!("nobody waited for the end of the metrics page");
        }
        drop(turn);
    });
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response()
}

fn write(registry: &Registry, mut page: Page) -> Result<(), Gone> {
    clients::write(&registry.ledger, registry.clock, &mut page)?;
    if let Err(cause) = TextEncoder.encode_utf8(&registry.gather(), page.text()) {
        error!("the metrics page cannot be written: {cause}");
        return Ok(());
    }
    page.end()
}
