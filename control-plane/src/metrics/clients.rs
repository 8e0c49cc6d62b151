//! Every client's metrics, read from the ledger when they are asked for.
//!
//! There is no second set of counters that could drift from the ledger's, and a decision pays
//! nothing for being counted here. All values of one client are of one moment.

use std::{collections::HashMap, sync::Arc};

use limiter::{ClientId, UNITS_PER_TOKEN, Units};
use prometheus::{
    core::{Collector, Desc},
    proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType},
};

use crate::{
    clock::Clock,
    ledger::{self, ClientSnapshot, Ledger, UnknownSnapshot},
};

const CLIENTS: Spec = Spec {
    name: "flowguard_clients",
    help: "Clients that are configured.",
    kind: MetricType::GAUGE,
    labels: &[],
};

const REQUESTS: Spec = Spec {
    name: "flowguard_requests_total",
    help: "Requests, by whether they were admitted.",
    kind: MetricType::COUNTER,
    labels: &["client_id", "status"],
};

const DROPPED: Spec = Spec {
    name: "flowguard_requests_dropped_total",
    help: "Requests that were refused, by the limit that refused first.",
    kind: MetricType::COUNTER,
    labels: &["client_id", "reason"],
};

const TOKENS_USED: Spec = Spec {
    name: "flowguard_tokens_used_total",
    help: "Tokens of admitted requests.",
    kind: MetricType::COUNTER,
    labels: &["client_id"],
};

const BALANCE: Spec = Spec {
    name: "flowguard_tokens_remaining",
    help: "Exact balance of a bucket, in requests (rpm) or tokens (tpm); negative in debt.",
    kind: MetricType::GAUGE,
    labels: &["client_id", "bucket_type"],
};

const REMAINING: Spec = Spec {
    name: "flowguard_rate_limit_remaining",
    help: "Whole requests (rpm) or tokens (tpm) that would be admitted now.",
    kind: MetricType::GAUGE,
    labels: &["client_id", "limit_type"],
};

const DURATION: Spec = Spec {
    name: "flowguard_request_duration_milliseconds",
    help: "Time from an admitted request to the end of its response.",
    kind: MetricType::HISTOGRAM,
    labels: &["client_id"],
};

const SPECS: [&Spec; 7] =
    [&CLIENTS, &REQUESTS, &DROPPED, &TOKENS_USED, &BALANCE, &REMAINING, &DURATION];

/// What is said of a metric before its samples.
struct Spec {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    labels: &'static [&'static str],
}

impl Spec {
    fn desc(&self) -> Result<Desc, prometheus::Error> {
        let labels = self.labels.iter().map(|&label| label.to_owned()).collect();
        Desc::new(self.name.to_owned(), self.help.to_owned(), labels, HashMap::new())
    }

    /// A sample whose labels have these values.
    fn sample(&self, values: &[&str]) -> Metric {
        let labels = self.labels.iter().zip(values).map(|(&name, &value)| {
            let mut label = LabelPair::default();
            label.set_name(name.to_owned());
            label.set_value(value.to_owned());
            label
        });
        Metric::from_label(labels.collect())
    }

    fn counter(&self, values: &[&str], count: u64) -> Metric {
        let mut counter = Counter::default();
        counter.set_value(as_f64(count));
        let mut metric = self.sample(values);
        metric.set_counter(counter);
        metric
    }

    fn gauge(&self, values: &[&str], value: f64) -> Metric {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        let mut metric = self.sample(values);
        metric.set_gauge(gauge);
        metric
    }

    fn family(&self, metrics: Vec<Metric>) -> MetricFamily {
        let mut family = MetricFamily::default();
        family.set_name(self.name.to_owned());
        family.set_help(self.help.to_owned());
        family.set_field_type(self.kind);
        family.set_metric(metrics);
        family
    }
}

/// Shows a ledger's clients to a registry.
pub(super) struct ClientCollector {
    ledger: Arc<Ledger>,
    clock: Clock,
    descs: Vec<Desc>,
}

impl ClientCollector {
    pub(super) fn new(ledger: Arc<Ledger>, clock: Clock) -> Result<Self, prometheus::Error> {
        let descs = SPECS.iter().map(|spec| spec.desc()).collect::<Result<_, _>>()?;
        Ok(Self { ledger, clock, descs })
    }
}

impl Collector for ClientCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let now = self.clock.now();
        let clients = self.ledger.snapshots(now);
        let mut samples = Samples::default();
        samples.clients.push(CLIENTS.gauge(&[], as_f64(clients.len() as u64)));
        for client in &clients {
            samples.add(client);
        }
        match self.ledger.unknown_snapshot(now) {
            UnknownSnapshot::Shared(client) => samples.add(&client),
            UnknownSnapshot::Denied { requests } => samples.add_denied(requests),
        }
        samples.into_families()
    }
}

/// One scrape's samples, by metric.
#[derive(Default)]
struct Samples {
    clients: Vec<Metric>,
    requests: Vec<Metric>,
    dropped: Vec<Metric>,
    tokens_used: Vec<Metric>,
    balance: Vec<Metric>,
    remaining: Vec<Metric>,
    duration: Vec<Metric>,
}

impl Samples {
    fn add(&mut self, client: &ClientSnapshot) {
        let id = client.config.id.as_str();
        let dropped = client.rpm_dropped.saturating_add(client.tpm_dropped);
        self.requests.push(REQUESTS.counter(&[id, "success"], client.admitted));
        self.requests.push(REQUESTS.counter(&[id, "dropped"], dropped));
        self.dropped.push(DROPPED.counter(&[id, "rpm"], client.rpm_dropped));
        self.dropped.push(DROPPED.counter(&[id, "tpm"], client.tpm_dropped));
        self.tokens_used.push(TOKENS_USED.counter(&[id], client.tokens_used));
        for (limit, left) in [("rpm", client.requests_left), ("tpm", client.tokens_left)] {
            let Some(left) = left else { continue };
            self.balance.push(BALANCE.gauge(&[id, limit], in_tokens(left)));
            self.remaining.push(REMAINING.gauge(&[id, limit], as_f64(left.whole())));
        }
        // A client that never finished a request has no distribution: in a large installation
        // most of the page would be empty buckets.
        if client.durations.count() > 0 {
            let mut metric = DURATION.sample(&[id]);
            metric.set_histogram(histogram(&client.durations));
            self.duration.push(metric);
        }
    }

    /// No bucket refused these: they are dropped for neither `rpm` nor `tpm`.
    fn add_denied(&mut self, requests: u64) {
        let id = ClientId::UNKNOWN;
        self.requests.push(REQUESTS.counter(&[id, "success"], 0));
        self.requests.push(REQUESTS.counter(&[id, "dropped"], requests));
    }

    fn into_families(self) -> Vec<MetricFamily> {
        vec![
            CLIENTS.family(self.clients),
            REQUESTS.family(self.requests),
            DROPPED.family(self.dropped),
            TOKENS_USED.family(self.tokens_used),
            BALANCE.family(self.balance),
            REMAINING.family(self.remaining),
            DURATION.family(self.duration),
        ]
    }
}

fn histogram(durations: &ledger::Histogram) -> Histogram {
    let bucket = |(bound_ms, count)| {
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(as_f64(bound_ms));
        bucket.set_cumulative_count(count);
        bucket
    };
    let mut histogram = Histogram::default();
    histogram.set_bucket(durations.cumulative().map(bucket).collect());
    histogram.set_sample_count(durations.count());
    histogram.set_sample_sum(durations.sum_ms());
    histogram
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus' samples are floats")]
fn as_f64(whole: u64) -> f64 {
    whole as f64
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus' samples are floats")]
fn in_tokens(balance: Units) -> f64 {
    balance.0 as f64 / UNITS_PER_TOKEN as f64
}
