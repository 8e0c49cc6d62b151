//! What the decision streams did, for Prometheus.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use proto::decision::{Decision, Outcome};

/// Counters of the decision streams; a clone counts into the same ones.
#[derive(Clone, Debug)]
pub struct StreamMetrics {
    streams: IntGauge,
    frames: IntCounter,
    admitted: IntCounter,
    rpm_exceeded: IntCounter,
    tpm_exceeded: IntCounter,
    unknown_client: IntCounter,
    completed: IntCounter,
    aborted: IntCounter,
    canceled: IntCounter,
    lost: IntCounter,
}

impl StreamMetrics {
    /// Registers the counters.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let streams = IntGauge::new(
            "flowguard_decision_streams",
            "Decision streams that are open, one for each Envoy worker that has served.",
        )?;
        let frames = IntCounter::new(
            "flowguard_decision_frames_total",
            "Frames received on decision streams, each with the asks of a moment.",
        )?;
        let decisions = Opts::new("flowguard_decisions_total", "Decisions, by outcome.");
        let decisions = IntCounterVec::new(decisions, &["outcome"])?;
        let settlements = Opts::new(
            "flowguard_settlements_total",
            "Ends of admitted requests: completed, aborted, canceled before they were forwarded, or lost with their stream.",
        );
        let settlements = IntCounterVec::new(settlements, &["outcome"])?;
        registry.register(Box::new(streams.clone()))?;
        registry.register(Box::new(frames.clone()))?;
        registry.register(Box::new(decisions.clone()))?;
        registry.register(Box::new(settlements.clone()))?;
        Ok(Self {
            streams,
            frames,
            admitted: decisions.with_label_values(&["admitted"]),
            rpm_exceeded: decisions.with_label_values(&["rpm_exceeded"]),
            tpm_exceeded: decisions.with_label_values(&["tpm_exceeded"]),
            unknown_client: decisions.with_label_values(&["unknown_client"]),
            completed: settlements.with_label_values(&["completed"]),
            aborted: settlements.with_label_values(&["aborted"]),
            canceled: settlements.with_label_values(&["canceled"]),
            lost: settlements.with_label_values(&["lost"]),
        })
    }

    pub(super) fn stream_opened(&self) {
        self.streams.inc();
    }

    /// `held`: requests whose end cannot be told any more.
    pub(super) fn stream_closed(&self, held: usize) {
        self.streams.dec();
        self.lost.inc_by(u64::try_from(held).unwrap_or(u64::MAX));
    }

    pub(super) fn frame_received(&self) {
        self.frames.inc();
    }

    pub(super) fn decided(&self, decision: Decision) {
        match decision {
            Decision::Admitted => self.admitted.inc(),
            Decision::RpmExceeded => self.rpm_exceeded.inc(),
            Decision::TpmExceeded => self.tpm_exceeded.inc(),
            Decision::UnknownClient => self.unknown_client.inc(),
            Decision::Unspecified => {}
        }
    }

    pub(super) fn settled(&self, outcome: Outcome) {
        match outcome {
            Outcome::Completed => self.completed.inc(),
            Outcome::Aborted | Outcome::Unspecified => self.aborted.inc(),
        }
    }

    pub(super) fn canceled(&self) {
        self.canceled.inc();
    }
}
