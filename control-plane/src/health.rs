//! Whether this process serves: one answer for `/health` and `/ready` on both ports and for
//! grpc.health.v1.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use limiter::UnixMillis;
use parking_lot::Mutex;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Ready from the start until [`Health::stop`]; clones tell the same.
#[derive(Clone, Debug, Default)]
pub struct Health {
    stopping: CancellationToken,
    /// What is wrong with which part.
    reasons: Arc<Mutex<BTreeMap<Part, Wrong>>>,
    data_dir: Option<Arc<str>>,
}

/// What is wrong with a part.
#[derive(Debug)]
struct Wrong {
    reason: String,
    since: UnixMillis,
}

/// Health, as people are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// `healthy`, `degraded` or `stopping`.
    pub status: &'static str,
    /// What is wrong.
    pub reasons: Vec<String>,
    /// The folder of what outlives the process, where there is one.
    pub data_dir: Option<Arc<str>>,
}

/// A part that can fail while the process goes on to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The file of clients.
    ConfigFile,
    /// The journal of balances.
    Journal,
    /// What other processes write to the store that they share with this one.
    Configuration,
    /// The balances that are shared with other processes.
    Store,
    /// Whether all of these can be read.
    StoreKeys,
    /// Whether these stay when memory is short where they are.
    StoreMemory,
    /// The certificate that the ports show.
    Tls,
    /// The file of a token.
    TokenFile,
    /// The file of an issuer's keys.
    IssuerKeys,
}

impl Health {
    /// The health of a process that serves.
    pub fn ready() -> Self {
        Self::default()
    }

    /// The same, which also tells the folder of what outlives the process.
    #[must_use]
    pub fn kept_in(self, folder: &Path) -> Self {
        Self { data_dir: Some(folder.display().to_string().into()), ..self }
    }

    /// From now on load balancers are told to go elsewhere; there is no way back.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// From now on people are told what is wrong with a part; requests are served as before. The
    /// reason is for anybody to read.
    pub fn degrade(&self, part: Part, reason: String) {
        let mut reasons = self.reasons.lock();
        // It may be told again and again, and be another reason by then.
        let since = reasons.get(&part).map_or_else(now, |wrong| wrong.since);
        reasons.insert(part, Wrong { reason, since });
    }

    /// Nothing is wrong with a part any more.
    pub fn recover(&self, part: Part) {
        self.reasons.lock().remove(&part);
    }

    /// Since when something is wrong with a part; `None`: nothing is.
    pub fn wrong_since(&self, part: Part) -> Option<UnixMillis> {
        self.reasons.lock().get(&part).map(|wrong| wrong.since)
    }

    /// All of it, as people are told.
    pub fn report(&self) -> Report {
        let wrong = self.reasons.lock();
        let reasons: Vec<_> = wrong.values().map(|wrong| wrong.reason.clone()).collect();
        drop(wrong);
        let status = if self.is_stopping() {
            "stopping"
        } else if reasons.is_empty() {
            "healthy"
        } else {
            "degraded"
        };
        Report { status, reasons, data_dir: self.data_dir.clone() }
    }

    /// Whether [`Health::stop`] was called.
    pub fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// Waits for [`Health::stop`].
    pub async fn stopped(&self) {
        self.stopping.cancelled().await;
    }
}

/// By the clock on the wall, as people tell each other when something began.
fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// `/health` for people, `/ready` for load balancers.
pub(crate) fn router(health: Health) -> Router {
    described(health).into()
}

/// The same with its description.
pub(crate) fn described(health: Health) -> OpenApiRouter {
    OpenApiRouter::default().routes(routes!(answer)).routes(routes!(ready)).with_state(health)
}

/// Whether requests should be sent here.
///
/// Before everything is read that outlived the last process nothing is answered at all.
#[utoipa::path(
    get,
    path = "/ready",
    tag = "service",
    operation_id = "getReady",
    responses(
        (status = 200, description = "They should.", body = Ready),
        (status = 503, description = "The process stops.", body = Ready)
    )
)]
async fn ready(State(health): State<Health>) -> Response {
    let (code, status) = if health.is_stopping() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping")
    } else {
        (StatusCode::OK, "ready")
    };
    (code, Json(Ready { status })).into_response()
}

#[derive(Serialize, ToSchema)]
struct Ready {
    status: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
struct Body<'a> {
    status: &'static str,
    service: &'static str,
    version: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_dir: Option<&'a str>,
}

/// Whether all is well.
#[utoipa::path(
    get,
    path = "/health",
    tag = "service",
    operation_id = "getHealth",
    responses(
        (status = 200, description = "It serves; degraded where something is wrong.", body = Body),
        (status = 503, description = "The process stops.", body = Body)
    )
)]
async fn answer(State(health): State<Health>) -> Response {
    let Report { status, reasons, data_dir } = health.report();
    let code = if status == "stopping" { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let data_dir = data_dir.as_deref();
    let version = env!("CARGO_PKG_VERSION");
    let body = Body { status, service: "flowguard", version, reasons, data_dir };
    (code, Json(body)).into_response()
}
