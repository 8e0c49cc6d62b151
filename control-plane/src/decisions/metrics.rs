//! What the decision streams did, for Prometheus.

use std::sync::Arc;

use limiter::Tokens;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use proto::decision::{self, Decision, UsageSource};

use super::{
    Greeting,
    filters::{Filter, Filters},
    frame::Settle,
    upstream::{UPSTREAM_ANSWERS, UpstreamAnswer},
};
use crate::{
    events::Events,
    ledger::{End, Ended, Outcome, WorkerId},
};

/// Upper bounds of estimate / actual: 1 is exact, below it a client reserves too little.
const ESTIMATE_RATIO_BUCKETS: [f64; 12] =
    [0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 4.0, 10.0];

const DECISIONS: [(Decision, &str); 7] = [
    (Decision::Admitted, "admitted"),
    (Decision::RpmExceeded, "rpm_exceeded"),
    (Decision::TpmExceeded, "tpm_exceeded"),
    (Decision::LimitExceeded, "limit_exceeded"),
    (Decision::UnknownClient, "unknown_client"),
    (Decision::Unauthenticated, "unauthenticated"),
    (Decision::InvalidIdentity, "invalid_identity"),
];

const ENDINGS: [(Ending, &str); 7] = [
    (Ending::Settled(Outcome::Completed), decision::Outcome::Completed.word()),
    (Ending::Settled(Outcome::Aborted), decision::Outcome::Aborted.word()),
    (Ending::Settled(Outcome::UpstreamFailed), decision::Outcome::UpstreamFailed.word()),
    (Ending::Settled(Outcome::UpstreamRefused), decision::Outcome::UpstreamRefused.word()),
    (Ending::Settled(Outcome::TimedOut), decision::Outcome::TimedOut.word()),
    (Ending::Canceled, "canceled"),
    (Ending::Lost, "lost"),
];

/// Counters of the decision streams; a clone counts into the same ones.
#[derive(Clone, Debug)]
pub struct StreamMetrics {
    streams: IntGauge,
    filters: Filters,
    frames: IntCounter,
    decisions: Counters<Decision>,
    endings: Counters<Ending>,
    responses: Counters<UsageSource>,
    upstream: Counters<UpstreamAnswer>,
    estimate_ratio: Histogram,
    /// Who is told of workers that come and go, where somebody is.
    events: Option<Arc<Events>>,
}

/// How an admitted request ended, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Settled(Outcome),
    Canceled,
    Lost,
}

/// One counter for each value of a label, or of several.
#[derive(Clone, Debug)]
struct Counters<K>(Vec<(K, IntCounter)>);

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
        let endings = Opts::new(
            "flowguard_settlements_total",
            "Ends of admitted requests: completed, aborted, upstream_failed, upstream_refused, timed_out, canceled before they were forwarded, or lost with their stream.",
        );
        let responses = Opts::new(
            "flowguard_responses_total",
            "Responses of admitted requests, by where their usage was found: an API's form, observed when only text was seen to pass, none, or encoded when the body could not be read.",
        );
        let upstream = Opts::new(
            "flowguard_upstream_responses_total",
            "What the upstream made of admitted requests: the class of its status, none where it gave none, and the reason.",
        );
        let usage_sources = UsageSource::all().map(|source| (source, source.word()));
        let estimate_ratio = HistogramOpts::new(
            "flowguard_estimate_ratio",
            "Tokens reserved for a request, as a multiple of the tokens that it used.",
        );
        let estimate_ratio =
            Histogram::with_opts(estimate_ratio.buckets(ESTIMATE_RATIO_BUCKETS.to_vec()))?;
        registry.register(Box::new(streams.clone()))?;
        registry.register(Box::new(frames.clone()))?;
        registry.register(Box::new(estimate_ratio.clone()))?;
        Ok(Self {
            streams,
            filters: Filters::register(registry)?,
            frames,
            decisions: Counters::register(registry, decisions, "outcome", DECISIONS)?,
            endings: Counters::register(registry, endings, "outcome", ENDINGS)?,
            responses: Counters::register(registry, responses, "usage_source", usage_sources)?,
            upstream: Counters::by(registry, upstream, ["class", "reason"], UPSTREAM_ANSWERS)?,
            estimate_ratio,
            events: None,
        })
    }

    /// The same, which also tell `events` which workers come and go.
    #[must_use]
    pub fn telling(self, events: Arc<Events>) -> Self {
        Self { events: Some(events), ..self }
    }

    /// What is answered is to be told when the stream is closed.
    pub(super) fn stream_opened(&self, greeting: &Greeting) -> Filter {
        self.streams.inc();
        let Greeting { worker, node, identity, .. } = greeting;
        let filter = self.filters.joined(greeting.filter.clone());
        if let Some(events) = &self.events {
            events.worker_came(&filter.seen(*worker, node, *identity));
        }
        filter
    }

    pub(super) fn stream_closed(&self, worker: WorkerId, filter: &Filter) {
        self.streams.dec();
        self.filters.left(filter);
        if let Some(events) = &self.events {
            events.worker_went(worker);
        }
    }

    pub(super) fn frame_received(&self) {
        self.frames.inc();
    }

    pub(super) fn decided(&self, decision: Decision, requests: u64) {
        self.decisions.add(decision, requests);
    }

    /// Counts the end of a request.
    pub(super) fn ended(&self, ended: &Ended) {
        let reserved = ended.reserved;
        let ending = match ended.end {
            End::Settled(response) => {
                if let Some(told) = response.told.filter(|told| *told > Tokens::ZERO) {
                    self.estimate_ratio.observe(ratio(reserved, told));
                }
                Ending::Settled(response.outcome)
            }
            End::Canceled => Ending::Canceled,
            End::Lost => Ending::Lost,
        };
        self.endings.add(ending, 1);
    }

    /// Counts a request whose end nobody waits for.
    pub(super) fn not_followed(&self) {
        self.endings.add(Ending::Lost, 1);
    }

    pub(super) fn response_ended(&self, settle: &Settle) {
        self.responses.add(settle.source, 1);
        self.upstream.add(settle.answer, 1);
    }
}

impl<K: Copy + PartialEq> Counters<K> {
    fn register(
        registry: &Registry,
        opts: Opts,
        label: &str,
        values: impl IntoIterator<Item = (K, &'static str)>,
    ) -> prometheus::Result<Self> {
        let values = values.into_iter().map(|(value, text)| (value, [text]));
        Self::by(registry, opts, [label], values)
    }

    /// The same for each combination of several labels' values.
    fn by<const L: usize>(
        registry: &Registry,
        opts: Opts,
        labels: [&str; L],
        values: impl IntoIterator<Item = (K, [&'static str; L])>,
    ) -> prometheus::Result<Self> {
        let counters = IntCounterVec::new(opts, &labels)?;
        registry.register(Box::new(counters.clone()))?;
        let counter = |(value, texts): (K, [_; L])| (value, counters.with_label_values(&texts));
        Ok(Self(values.into_iter().map(counter).collect()))
    }

    fn add(&self, value: K, number: u64) {
        if let Some((_, counter)) = self.0.iter().find(|(counted, _)| *counted == value) {
            counter.inc_by(number);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, far above a request's tokens")]
fn ratio(reserved: Tokens, used: Tokens) -> f64 {
    reserved.get() as f64 / used.get() as f64
}
