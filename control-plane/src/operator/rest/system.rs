//! The call on how this control plane is.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::describe;
use crate::{
    http::ApiError,
    ledger::DecisionsStanding,
    operator::{Caller, Operator, System, WorkerStanding},
    rfc3339::rfc3339,
};

#[derive(Serialize)]
struct SystemJson<'a> {
    service: &'static str,
    version: &'static str,
    replica: &'a str,
    time: Option<String>,
    started: Option<String>,
    status: &'static str,
    #[serde(skip_serializing_if = "is_empty")]
    reasons: &'a [String],
    store: StoreJson<'a>,
    replicas: u64,
    clients: usize,
    limits: usize,
    models: usize,
    open_requests: usize,
    workers: Vec<WorkerJson<'a>>,
    decisions: &'a BTreeMap<String, u64>,
    ends: &'a BTreeMap<String, u64>,
    failures: &'a BTreeMap<&'static str, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decisions_kept: Option<KeptJson>,
    event_listeners: usize,
    settings: BTreeMap<&'static str, &'a str>,
}

#[derive(Serialize)]
struct StoreJson<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_dir: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
}

#[derive(Serialize)]
struct WorkerJson<'a> {
    worker: String,
    node: &'a str,
    mode: &'static str,
    version: &'a str,
    identity: &'static str,
    since: Option<String>,
    in_flight: usize,
}

#[derive(Serialize)]
struct KeptJson {
    count: u64,
    limit: u64,
    oldest: Option<String>,
}

/// How this control plane is, and what it is connected to.
#[utoipa::path(
    get,
    path = "/api/v1/system",
    tag = "service",
    operation_id = "getSystem",
    responses((status = 200, description = "How it is.", body = describe::System)),
)]
pub(super) async fn show(
    State(operator): State<Arc<Operator>>,
    caller: Caller,
) -> Result<Response, ApiError> {
    let system = operator.system(&caller).await?;
    Ok(Json(SystemJson::from(&system)).into_response())
}

fn is_empty(list: &[String]) -> bool {
    list.is_empty()
}

impl<'a> From<&'a System> for SystemJson<'a> {
    fn from(system: &'a System) -> Self {
        Self {
            service: "flowguard",
            version: env!("CARGO_PKG_VERSION"),
            replica: &system.replica,
            time: rfc3339(system.time),
            started: rfc3339(system.started),
            status: system.health.status,
            reasons: &system.health.reasons,
            store: StoreJson {
                kind: system.store.word(),
                data_dir: system.health.data_dir.as_deref(),
                state: system.store_state(),
                since: system.store_away_since.and_then(rfc3339),
            },
            replicas: system.replicas,
            clients: system.clients,
            limits: system.limits,
            models: system.models,
            open_requests: system.open_requests,
            workers: system.workers.iter().map(WorkerJson::from).collect(),
            decisions: &system.decisions,
            ends: &system.ends,
            failures: &system.failures,
            decisions_kept: system.decisions_kept.map(KeptJson::from),
            event_listeners: system.event_listeners,
            settings: system.settings.iter().map(|(name, value)| (*name, &**value)).collect(),
        }
    }
}

impl<'a> From<&'a WorkerStanding> for WorkerJson<'a> {
    fn from(of: &'a WorkerStanding) -> Self {
        let WorkerStanding { connected, in_flight } = of;
        let worker = &connected.worker;
        Self {
            worker: worker.name(),
            node: worker.node.as_str(),
            mode: worker.mode,
            version: &worker.version,
            identity: worker.identity,
            since: rfc3339(connected.since),
            in_flight: *in_flight,
        }
    }
}

impl From<DecisionsStanding> for KeptJson {
    fn from(of: DecisionsStanding) -> Self {
        Self { count: of.count, limit: of.max, oldest: rfc3339(of.oldest) }
    }
}
