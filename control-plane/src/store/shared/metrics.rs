//! What is seen of a store that is shared, for Prometheus. It is counted where calls are made, a few
//! atomic steps a call.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use tokio::time::Duration;

use super::{StoreFailureMode, client::Failure};

/// Upper bounds of a call's time, in seconds: from a store beside the control plane to one that stands
/// still. The default of `STORE_TIMEOUT_MS` is one of them.
const DURATION_BUCKETS: [f64; 15] = [
    0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0,
];

/// Upper bounds of what one call has to decide and to end, of which there are 512 at most.
const OPERATIONS_BUCKETS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// Why a call did not do what was asked, or not in time.
const REASONS: [(Reason, &str); 8] = [
    (Reason::Unreachable, "unreachable"),
    (Reason::DidNothing, "did_nothing"),
    (Reason::Unreadable, "unreadable"),
    (Reason::Refused, "refused"),
    (Reason::NotReplicated, "not_replicated"),
    (Reason::Lost, "lost"),
    (Reason::NotUnderstood, "not_understood"),
    (Reason::Late, "late"),
];

/// Metrics of one process' use of the store; a clone counts into the same ones.
#[derive(Clone, Debug)]
pub struct StoreMetrics {
    duration: Histogram,
    operations: Histogram,
    failures: Vec<(Reason, IntCounter)>,
    undecided: IntCounterVec,
    /// Answers that this process' own rule would not have given.
    pub(super) disagreements: IntCounter,
    /// Servers that had to be told what was seen of another one.
    pub(super) merges: IntCounter,
    /// 1 while nobody waits for the store.
    pub(super) circuit_open: IntGauge,
    /// What waits for a call.
    pub(super) queue_length: IntGauge,
    /// How many processes share the store.
    pub(super) control_planes: IntGauge,
    /// How many replicas the store has.
    pub(super) replicas: IntGauge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Unreachable,
    DidNothing,
    Unreadable,
    Refused,
    NotReplicated,
    Lost,
    NotUnderstood,
    Late,
}

impl StoreMetrics {
    /// Registers them. A process without such a store has none of them.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let duration = HistogramOpts::new(
            "flowguard_store_call_duration_seconds",
            "Time from a call to the shared store to its answer, of calls that decide and end requests.",
        );
        let duration = Histogram::with_opts(duration.buckets(DURATION_BUCKETS.to_vec()))?;
        let operations = HistogramOpts::new(
            "flowguard_store_call_operations",
            "Decisions and ends of requests that went to the shared store in one call.",
        );
        let operations = Histogram::with_opts(operations.buckets(OPERATIONS_BUCKETS.to_vec()))?;
        let failures = Opts::new(
            "flowguard_store_call_failures_total",
            "Calls to the shared store, and attempts to reach it, that failed or were answered too late, by reason.",
        );
        let failures = IntCounterVec::new(failures, &["reason"])?;
        let undecided = Opts::new(
            "flowguard_store_undecided_total",
            "Requests that the shared store did not decide in time, by STORE_FAILURE_MODE, which decided them.",
        );
        let undecided = IntCounterVec::new(undecided, &["mode"])?;
        let gauge = |name: &str, help: &str| -> prometheus::Result<IntGauge> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let counter = |name: &str, help: &str| -> prometheus::Result<IntCounter> {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        registry.register(Box::new(duration.clone()))?;
        registry.register(Box::new(operations.clone()))?;
        registry.register(Box::new(failures.clone()))?;
        registry.register(Box::new(undecided.clone()))?;
        Ok(Self {
            duration,
            operations,
            failures: REASONS
                .map(|(reason, word)| (reason, failures.with_label_values(&[word])))
                .to_vec(),
            undecided,
            disagreements: counter(
                "flowguard_store_disagreements_total",
                "Answers of the shared store that the control plane's own rule would not have given, and that were not believed.",
            )?,
            merges: counter(
                "flowguard_store_merges_total",
                "Times that a shared store answered which may have lost something, and was told what had been seen.",
            )?,
            circuit_open: gauge(
                "flowguard_store_circuit_open",
                "1 while the shared store is away, so that nobody waits for it; 0 while it answers.",
            )?,
            queue_length: gauge(
                "flowguard_store_queue_length",
                "Decisions and ends of requests that wait for the next call to the shared store.",
            )?,
            control_planes: gauge(
                "flowguard_store_control_planes",
                "Control planes that share the store, this one among them, when it last answered.",
            )?,
            replicas: gauge(
                "flowguard_store_replicas",
                "Replicas that followed the shared store when it was last asked for them.",
            )?,
        })
    }

    /// How many requests were not decided, where `mode` says what becomes of them.
    pub(super) fn undecided(&self, mode: StoreFailureMode) -> IntCounter {
        self.undecided.with_label_values(&[match mode {
            StoreFailureMode::Local => "local",
            StoreFailureMode::Closed => "closed",
            StoreFailureMode::Open => "open",
        }])
    }

    /// A call of so many operations is made.
    pub(super) fn calls(&self, operations: usize) {
        self.operations.observe(u32::try_from(operations).unwrap_or(u32::MAX).into());
    }

    /// The store, or nobody, answered after this time.
    pub(super) fn answered(&self, after: Duration) {
        self.duration.observe(after.as_secs_f64());
    }

    /// An answer came when nobody waited for it any more.
    pub(super) fn is_late(&self) {
        self.count(Reason::Late);
    }

    /// A call, or an attempt to connect, failed.
    pub(super) fn has_failed(&self, failure: &Failure) {
        self.count(match failure {
            Failure::NotConnected(_) => Reason::Unreachable,
            Failure::DidNothing(_) | Failure::Elsewhere(_) => Reason::DidNothing,
            Failure::Unreadable(_) => Reason::Unreadable,
            Failure::Refused(_) => Reason::Refused,
            Failure::NotReplicated(_) => Reason::NotReplicated,
            Failure::Unknown(_) => Reason::Lost,
            Failure::Reply(_) | Failure::NotUnderstood(_) => Reason::NotUnderstood,
        });
    }

    fn count(&self, reason: Reason) {
        if let Some((_, counter)) = self.failures.iter().find(|(one, _)| *one == reason) {
            counter.inc();
        }
    }
}
