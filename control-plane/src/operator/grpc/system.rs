//! How this control plane is, in the wire's types.

use limiter::UnixMillis;
use proto::api::{DecisionsKept, GetSystemResponse, SystemStore, SystemWorker};

use super::convert::signed;
use crate::{
    operator::{System, WorkerStanding},
    rfc3339::rfc3339,
};

impl From<System> for GetSystemResponse {
    fn from(system: System) -> Self {
        let state = system.store_state().map(str::to_owned);
        let store = SystemStore {
            kind: system.store.word().to_owned(),
            data_dir: system.health.data_dir.as_deref().map(str::to_owned),
            state,
            since: system.store_away_since.map(time),
        };
        let kept = system.decisions_kept.map(|kept| DecisionsKept {
            count: signed(kept.count),
            limit: signed(kept.max),
            oldest: time(kept.oldest),
        });
        Self {
            service: "flowguard".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            replica: system.replica,
            time: time(system.time),
            started: time(system.started),
            status: system.health.status.to_owned(),
            reasons: system.health.reasons,
            store: Some(store),
            replicas: signed(system.replicas),
            clients: number(system.clients),
            limits: number(system.limits),
            models: number(system.models),
            open_requests: number(system.open_requests),
            workers: system.workers.iter().map(SystemWorker::from).collect(),
            decisions: counted(system.decisions),
            ends: counted(system.ends),
            failures: counted(system.failures),
            decisions_kept: kept,
            event_listeners: number(system.event_listeners),
            settings: named(system.settings),
        }
    }
}

impl From<&WorkerStanding> for SystemWorker {
    fn from(of: &WorkerStanding) -> Self {
        let WorkerStanding { connected, in_flight } = of;
        let worker = &connected.worker;
        Self {
            worker: worker.name(),
            node: worker.node.as_str().to_owned(),
            mode: worker.mode.to_owned(),
            version: worker.version.clone(),
            identity: worker.identity.to_owned(),
            since: time(connected.since),
            in_flight: number(*in_flight),
        }
    }
}

fn counted<N: Into<String>, M: FromIterator<(String, i64)>>(
    counts: impl IntoIterator<Item = (N, u64)>,
) -> M {
    counts.into_iter().map(|(name, count)| (name.into(), signed(count))).collect()
}

fn named<M: FromIterator<(String, String)>>(settings: Vec<(&'static str, String)>) -> M {
    settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn time(at: UnixMillis) -> String {
    rfc3339(at).unwrap_or_default()
}
