//! A control plane of several: the real ledger, operator and committer, on a simulated store.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use flowguard::{
    decisions::StreamMetrics,
    health::Health,
    ledger::{Ledger, ManualClock, Policy},
    operator::{FollowMetrics, Operator, start},
    store::shared::{
        Committer, Config, Link, SharedConfiguration, SharedStore, StoreFailureMode, StoreMetrics,
    },
};
use limiter::UnixMillis;
use prometheus::Registry;
use tokio::{
    sync::mpsc::UnboundedSender,
    task::AbortHandle,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::seats::Seats;
use crate::{edge::Sent, network::StreamId, redis::Redis};

/// How often it is looked which workers have been away for too long.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// What all keys begin with.
pub(super) const PREFIX: &str = "{flowguard}:";

/// What serves streams.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) ledger: Arc<Ledger>,
    pub(super) metrics: StreamMetrics,
    pub(super) seats: Seats,
}

/// A control plane.
pub(super) struct Plane {
    pub(super) serving: Arc<Serving>,
    pub(super) operator: Arc<Operator>,
    pub(super) streams: BTreeMap<StreamId, UnboundedSender<Sent>>,
    /// Its streams end, and it takes no others.
    pub(super) closing: CancellationToken,
    pub(super) is_draining: bool,
    clock: ManualClock,
    tasks: Vec<AbortHandle>,
}

impl fmt::Debug for Plane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plane")
    }
}

impl Plane {
    /// Begins with what the store has; it ends where the store does not answer.
    pub(super) async fn start(
        redis: Redis,
        number: u64,
        (policy, config): (Policy, Config),
    ) -> Result<Self, String> {
        let clock = ManualClock::at(UnixMillis(redis.now_ms()));
        let link = || Link::new(redis.access(number), PREFIX);
        let reads = Arc::new(link());
        reads.client().await.map_err(|failure| failure.to_string())?;
        let configuration = Arc::new(SharedConfiguration::new(link()));
        let registry = Registry::new();
        let told = "metrics of one process";
        let store_metrics = StoreMetrics::register(&registry).expect(told);
        let follow_metrics = FollowMetrics::register(&registry).expect(told);
        let (committer, desk) = Committer::new(link(), &config, store_metrics);
        let mut tasks = vec![tokio::spawn(desk).abort_handle()];
        let store = SharedStore::new(Arc::clone(&configuration), committer, reads);
        let fails_open = config.failure_mode == StoreFailureMode::Open;
        let ledger = Arc::new(Ledger::sharing(policy, clock.clone(), store, fails_open));
        let operator = Arc::new(Operator::new(Arc::clone(&ledger), Box::new(configuration)));
        let loaded = async {
            start::load(&operator).await?;
            start::declare_unknown(&operator).await
        };
        if let Err(error) = loaded.await {
            tasks.iter().for_each(AbortHandle::abort);
            return Err(error.to_string());
        }
        let closing = CancellationToken::new();
        let follow =
            Arc::clone(&operator).follow(Health::ready(), follow_metrics, CancellationToken::new());
        tasks.push(tokio::spawn(follow).abort_handle());
        tasks.push(tokio::spawn(look_after(Arc::clone(&ledger))).abort_handle());
        let metrics = StreamMetrics::register(&Registry::new()).map_err(|e| e.to_string())?;
        let serving = Arc::new(Serving { ledger, metrics, seats: Seats::default() });
        Ok(Self {
            serving,
            operator,
            streams: BTreeMap::new(),
            closing,
            is_draining: false,
            clock,
            tasks,
        })
    }

    pub(super) fn ledger(&self) -> &Arc<Ledger> {
        &self.serving.ledger
    }

    pub(super) fn advance(&self, now_ms: u64) {
        self.clock.set(UnixMillis(now_ms));
    }

    /// It has a task more, which ends with it.
    pub(super) fn owns(&mut self, task: AbortHandle) {
        self.tasks.retain(|task| !task.is_finished());
        self.tasks.push(task);
    }

    /// It is no more.
    pub(super) fn kill(self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

async fn look_after(ledger: Arc<Ledger>) {
    let mut looks = interval(LOOK_INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        while !ledger.give_up_on_absent_workers().await.is_empty() {}
    }
}
