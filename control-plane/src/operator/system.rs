//! How this control plane is, and what it is connected to.

use std::{collections::BTreeMap, sync::Arc};

use limiter::UnixMillis;
use prometheus::{
    Registry,
    proto::{Metric, MetricFamily},
};

use super::{Caller, Operator, OperatorError};
use crate::{
    events::Connected,
    health::{Health, Part, Report},
    ledger::DecisionsStanding,
};

/// What the process around an operator knows, so that it can be told. Without one it is well and has
/// counted nothing.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Its health.
    pub health: Health,
    /// What it counts.
    pub registry: Registry,
    /// Some settings in effect, by their names, none of which is a secret.
    pub settings: Vec<(&'static str, String)>,
}

/// How a control plane is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// What it is called.
    pub replica: String,
    /// Now.
    pub time: UnixMillis,
    /// When it started.
    pub started: UnixMillis,
    /// Whether all is well.
    pub health: Report,
    /// Where that is kept which outlives it.
    pub store: StoreKind,
    /// Since when what is decided cannot be written there; `None`: it can.
    pub store_away_since: Option<UnixMillis>,
    /// How many control planes share it.
    pub replicas: u64,
    /// How many clients are configured.
    pub clients: usize,
    /// How many limits beside clients' own.
    pub limits: usize,
    /// How many models.
    pub models: usize,
    /// Admitted requests whose end is not known yet.
    pub open_requests: usize,
    /// Each worker that has a stream.
    pub workers: Vec<WorkerStanding>,
    /// Decisions by outcome.
    pub decisions: BTreeMap<String, u64>,
    /// Ends of requests by outcome.
    pub ends: BTreeMap<String, u64>,
    /// What went wrong, and how often.
    pub failures: BTreeMap<&'static str, u64>,
    /// Decisions that are kept; `None`: none are.
    pub decisions_kept: Option<DecisionsStanding>,
    /// Who listens to events.
    pub event_listeners: usize,
    /// Some settings in effect.
    pub settings: Vec<(&'static str, String)>,
}

/// A worker that has a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerStanding {
    /// The worker.
    pub connected: Connected,
    /// How many of its requests are under way.
    pub in_flight: usize,
}

/// Where that is kept which outlives a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// In a folder of its own.
    DataDir,
    /// Nowhere.
    Memory,
    /// In a store that control planes share.
    Shared,
}

impl StoreKind {
    /// What it is called wherever it is told.
    pub const fn word(self) -> &'static str {
        match self {
            Self::DataDir => "data_dir",
            Self::Memory => "memory",
            Self::Shared => "shared",
        }
    }

    /// The part of health that says whether what is decided is written there.
    const fn part(self) -> Option<Part> {
        match self {
            Self::DataDir => Some(Part::Journal),
            Self::Memory => None,
            Self::Shared => Some(Part::Store),
        }
    }
}

impl System {
    /// `ok`, or `away` while what is decided cannot be written to the store; `None`: nothing is.
    pub fn store_state(&self) -> Option<&'static str> {
        self.store.part().map(|_| if self.store_away_since.is_some() { "away" } else { "ok" })
    }
}

/// Failures, each with the metric that counts it.
const FAILURES: [(&str, &str); 5] = [
    ("journal_unwritten", "flowguard_journal_unwritten_total"),
    ("config_file_errors", "flowguard_config_file_errors_total"),
    ("auth_refused", "flowguard_auth_refused_total"),
    ("store_calls", "flowguard_store_call_failures_total"),
    ("store_undecided", "flowguard_store_undecided_total"),
];

impl Operator {
    /// How this control plane is.
    pub(super) async fn system(
        self: &Arc<Self>,
        _caller: &Caller,
    ) -> Result<System, OperatorError> {
        let operator = Arc::clone(self);
        Ok(self.readers().run(move || operator.look_around()).await?)
    }

    fn look_around(&self) -> System {
        let Surroundings { health, registry, settings } = &self.surroundings;
        let (ledger, events) = (&self.ledger, self.events());
        let workers = events.connected().into_iter().map(|connected| {
            let in_flight = ledger.held_by(connected.worker.id);
            WorkerStanding { connected, in_flight }
        });
        let report = health.report();
        let store = match (ledger.is_shared(), &report.data_dir) {
            (true, _) => StoreKind::Shared,
            (false, Some(_)) => StoreKind::DataDir,
            (false, None) => StoreKind::Memory,
        };
        let counted = registry.gather();
        let sum_of = |(name, metric)| Some((name, sum(metrics(&counted, metric)?)));
        System {
            replica: events.replica().to_owned(),
            time: ledger.now(),
            started: self.started,
            health: report,
            store,
            store_away_since: store.part().and_then(|part| health.wrong_since(part)),
            replicas: ledger.control_planes(),
            clients: ledger.len(),
            limits: ledger.limits().len(),
            models: ledger.models().len(),
            open_requests: ledger.held(),
            workers: workers.collect(),
            decisions: by_outcome(&counted, "flowguard_decisions_total"),
            ends: by_outcome(&counted, "flowguard_settlements_total"),
            failures: FAILURES.into_iter().filter_map(sum_of).collect(),
            decisions_kept: ledger.decisions_standing(),
            event_listeners: events.listeners(),
            settings: settings.clone(),
        }
    }
}

/// What is counted under this name; `None`: nothing ever is.
fn metrics<'a>(counted: &'a [MetricFamily], name: &str) -> Option<&'a [Metric]> {
    counted.iter().find(|family| family.name() == name).map(MetricFamily::get_metric)
}

fn by_outcome(counted: &[MetricFamily], name: &str) -> BTreeMap<String, u64> {
    let outcome = |metric: &Metric| {
        let outcome = metric.get_label().iter().find(|label| label.name() == "outcome")?;
        Some((outcome.value().to_owned(), count(metric)))
    };
    metrics(counted, name).unwrap_or_default().iter().filter_map(outcome).collect()
}

fn sum(metrics: &[Metric]) -> u64 {
    metrics.iter().map(count).sum()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a counter of things is a whole number from 0 on, and exact up to 2^53"
)]
fn count(metric: &Metric) -> u64 {
    metric.get_counter().get_value() as u64
}
