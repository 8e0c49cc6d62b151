//! What the decision streams did, for Prometheus.

use limiter::Tokens;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use proto::decision::{Decision, Outcome, UsageSource};

/// Upper bounds of estimate / actual: 1 is exact, below it a client reserves too little.
const ESTIMATE_RATIO_BUCKETS: [f64; 12] =
    [0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 4.0, 10.0];

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
    upstream_failed: IntCounter,
    upstream_refused: IntCounter,
    timed_out: IntCounter,
    canceled: IntCounter,
    lost: IntCounter,
    usage_sources: UsageSources,
    estimate_ratio: Histogram,
}

/// One counter for each usage source.
#[derive(Clone, Debug)]
struct UsageSources {
    none: IntCounter,
    encoded: IntCounter,
    completions: IntCounter,
    responses: IntCounter,
    anthropic: IntCounter,
    gemini: IntCounter,
    bedrock: IntCounter,
    ollama: IntCounter,
    cohere: IntCounter,
    workers_ai: IntCounter,
    observed: IntCounter,
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
            "Ends of admitted requests: completed, aborted, upstream_failed, upstream_refused, timed_out, canceled before they were forwarded, or lost with their stream.",
        );
        let settlements = IntCounterVec::new(settlements, &["outcome"])?;
        let responses = Opts::new(
            "flowguard_responses_total",
            "Responses of admitted requests, by where their usage was found: an API's form, observed when only text was seen to pass, none, or encoded when the body could not be read.",
        );
        let responses = IntCounterVec::new(responses, &["usage_source"])?;
        let estimate_ratio = HistogramOpts::new(
            "flowguard_estimate_ratio",
            "Tokens reserved for a request, as a multiple of the tokens that it used.",
        );
        let estimate_ratio =
            Histogram::with_opts(estimate_ratio.buckets(ESTIMATE_RATIO_BUCKETS.to_vec()))?;
        registry.register(Box::new(streams.clone()))?;
        registry.register(Box::new(frames.clone()))?;
        registry.register(Box::new(decisions.clone()))?;
        registry.register(Box::new(settlements.clone()))?;
        registry.register(Box::new(responses.clone()))?;
        registry.register(Box::new(estimate_ratio.clone()))?;
        Ok(Self {
            streams,
            frames,
            admitted: decisions.with_label_values(&["admitted"]),
            rpm_exceeded: decisions.with_label_values(&["rpm_exceeded"]),
            tpm_exceeded: decisions.with_label_values(&["tpm_exceeded"]),
            unknown_client: decisions.with_label_values(&["unknown_client"]),
            completed: settlements.with_label_values(&["completed"]),
            aborted: settlements.with_label_values(&["aborted"]),
            upstream_failed: settlements.with_label_values(&["upstream_failed"]),
            upstream_refused: settlements.with_label_values(&["upstream_refused"]),
            timed_out: settlements.with_label_values(&["timed_out"]),
            canceled: settlements.with_label_values(&["canceled"]),
            lost: settlements.with_label_values(&["lost"]),
            usage_sources: UsageSources {
                none: responses.with_label_values(&["none"]),
                encoded: responses.with_label_values(&["encoded"]),
                completions: responses.with_label_values(&["completions"]),
                responses: responses.with_label_values(&["responses"]),
                anthropic: responses.with_label_values(&["anthropic"]),
                gemini: responses.with_label_values(&["gemini"]),
                bedrock: responses.with_label_values(&["bedrock"]),
                ollama: responses.with_label_values(&["ollama"]),
                cohere: responses.with_label_values(&["cohere"]),
                workers_ai: responses.with_label_values(&["workers_ai"]),
                observed: responses.with_label_values(&["observed"]),
            },
            estimate_ratio,
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

    pub(super) fn decided(&self, decision: Decision, requests: u64) {
        match decision {
            Decision::Admitted => self.admitted.inc_by(requests),
            Decision::RpmExceeded => self.rpm_exceeded.inc_by(requests),
            Decision::TpmExceeded => self.tpm_exceeded.inc_by(requests),
            Decision::UnknownClient => self.unknown_client.inc_by(requests),
            Decision::Unspecified => {}
        }
    }

    pub(super) fn settled(
        &self,
        outcome: Outcome,
        source: UsageSource,
        reserved: Tokens,
        used: Option<Tokens>,
    ) {
        match outcome {
            Outcome::Completed => self.completed.inc(),
            Outcome::Aborted | Outcome::Unspecified => self.aborted.inc(),
            Outcome::UpstreamFailed => self.upstream_failed.inc(),
            Outcome::UpstreamRefused => self.upstream_refused.inc(),
            Outcome::TimedOut => self.timed_out.inc(),
        }
        match source {
            UsageSource::None => self.usage_sources.none.inc(),
            UsageSource::Encoded => self.usage_sources.encoded.inc(),
            UsageSource::Completions => self.usage_sources.completions.inc(),
            UsageSource::Responses => self.usage_sources.responses.inc(),
            UsageSource::Anthropic => self.usage_sources.anthropic.inc(),
            UsageSource::Gemini => self.usage_sources.gemini.inc(),
            UsageSource::Bedrock => self.usage_sources.bedrock.inc(),
            UsageSource::Ollama => self.usage_sources.ollama.inc(),
            UsageSource::Cohere => self.usage_sources.cohere.inc(),
            UsageSource::WorkersAi => self.usage_sources.workers_ai.inc(),
            UsageSource::Observed => self.usage_sources.observed.inc(),
        }
        if let Some(used) = used.filter(|used| *used > Tokens::ZERO) {
            self.estimate_ratio.observe(ratio(reserved, used));
        }
    }

    pub(super) fn canceled(&self) {
        self.canceled.inc();
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, far above a request's tokens")]
fn ratio(reserved: Tokens, used: Tokens) -> f64 {
    reserved.get() as f64 / used.get() as f64
}
