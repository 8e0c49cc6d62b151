//! What is told of clients and limits: the JSON of section 3 of docs/contract.md, key by key.

use std::collections::BTreeMap;

use limiter::{ClientId, Dimension};
use serde::Serialize;

use super::{
    About,
    event::{Body, Figure},
    limit_figures::LimitFigures,
};
use crate::{
    ledger::{ChangedClient, LimitSnapshot, Since},
    limits::Group,
};

/// How many clients one event tells of, some 40 kB: it is all that a reader who stalls has waiting.
const CLIENTS_IN_AN_EVENT: usize = 128;

#[derive(Serialize)]
struct ClientFigures<'a> {
    client: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    over_ms: u64,
    requests_per_s: f64,
    tokens_per_s: f64,
    refused_per_s: f64,
    in_flight: u32,
    success_requests: u64,
    rpm_dropped: u64,
    tpm_dropped: u64,
    limit_dropped: u64,
    /// Only where some were.
    #[serde(skip_serializing_if = "is_zero")]
    refused_in_shadow: u64,
    tokens_used: u64,
    limits: Vec<LimitFigures<'a>>,
}

#[derive(Serialize)]
struct RefusalFigures<'a> {
    client: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    over_ms: u64,
    requests: u64,
    #[serde(skip_serializing_if = "is_zero")]
    rpm: u64,
    #[serde(skip_serializing_if = "is_zero")]
    tpm: u64,
    #[serde(skip_serializing_if = "is_zero")]
    limit: u64,
    #[serde(skip_serializing_if = "is_zero")]
    unknown_client: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    limits: &'a BTreeMap<String, u64>,
}

/// A limit beside clients' own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct LimitTotals {
    pub(super) name: String,
    measure: &'static str,
    limit: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<u64>,
    refused: u64,
    would_refuse: u64,
}

/// Refusals of one client, until they are told.
#[derive(Debug, Default)]
pub(super) struct Refused {
    group: Option<Group>,
    since: Since,
    unknown_client: u64,
    limits: BTreeMap<String, u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl From<&LimitSnapshot> for LimitTotals {
    fn from(limit: &LimitSnapshot) -> Self {
        let LimitSnapshot { config, refused, refused_in_shadow, refused_on_trial, remaining } =
            limit;
        Self {
            name: config.name.to_string(),
            measure: config.measure.word(),
            limit: config.measure.amount(),
            remaining: *remaining,
            refused: *refused,
            would_refuse: refused_in_shadow.saturating_add(*refused_on_trial),
        }
    }
}

impl Refused {
    /// More of them.
    pub(super) fn add(&mut self, client: &ChangedClient) {
        let since = &client.since;
        self.group.clone_from(&client.now.config.group);
        self.since.ms += since.ms;
        self.since.rpm_dropped += since.rpm_dropped;
        self.since.tpm_dropped += since.tpm_dropped;
        self.since.limit_dropped += since.limit_dropped;
        for (limit, count) in &since.refused_by {
            *self.limits.entry(limit.to_string()).or_default() += count;
        }
    }

    /// More requests of clients that are denied.
    pub(super) fn deny(&mut self, requests: u64, ms: u64) {
        self.unknown_client += requests;
        self.since.ms += ms;
    }

    fn figure(&self, client: &ClientId) -> Figure {
        let Self { group, since, unknown_client, limits } = self;
        let figures = RefusalFigures {
            client: client.as_str(),
            group: group.as_ref().map(Group::as_str),
            over_ms: since.ms,
            requests: since.refused() + unknown_client,
            rpm: since.rpm_dropped,
            tpm: since.tpm_dropped,
            limit: since.limit_dropped,
            unknown_client: *unknown_client,
            limits,
        };
        Figure { about: About::of(client.clone(), group.clone()), json: json(&figures) }
    }
}

/// What is told of clients that changed.
pub(super) fn of_clients(time: &str, clients: &[ChangedClient], is_all: bool) -> Vec<Body> {
    in_events("clients", time, clients.iter().map(client_figure).collect(), is_all)
}

/// What is told of refusals.
pub(super) fn of_refusals(time: &str, refused: &BTreeMap<ClientId, Refused>) -> Vec<Body> {
    let figures = refused.iter().map(|(client, of)| of.figure(client));
    in_events("refusals", time, figures.collect(), true)
}

/// Some in each; the last one says whether there are more, which are told later.
fn in_events(list: &str, time: &str, figures: Vec<Figure>, is_all: bool) -> Vec<Body> {
    let mut figures = figures.into_iter().peekable();
    let mut events = Vec::new();
    while figures.peek().is_some() {
        let some: Vec<_> = figures.by_ref().take(CLIENTS_IN_AN_EVENT).collect();
        let more = if figures.peek().is_none() && !is_all { r#""more":true,"# } else { "" };
        let head = format!(r#"{{"time":"{time}",{more}"{list}":["#);
        events.push(Body::Several { head: head.into(), figures: some });
    }
    events
}

fn client_figure(client: &ChangedClient) -> Figure {
    let ChangedClient { now, in_flight, since } = client;
    let (config, record) = (&now.config, &now.record);
    let own = [(Dimension::Rpm, now.standing.requests), (Dimension::Tpm, now.standing.tokens)];
    let own = own.into_iter().filter_map(|(of, balance)| Some(LimitFigures::own(of, balance?)));
    let in_shadow = record.refused_in_shadow;
    let figures = ClientFigures {
        client: config.id.as_str(),
        group: config.group.as_ref().map(Group::as_str),
        over_ms: since.ms,
        requests_per_s: per_second(since.admitted + since.refused(), since.ms),
        tokens_per_s: per_second(since.tokens_used, since.ms),
        refused_per_s: per_second(since.refused(), since.ms),
        in_flight: *in_flight,
        success_requests: record.admitted,
        rpm_dropped: record.rpm_dropped,
        tpm_dropped: record.tpm_dropped,
        limit_dropped: record.limit_dropped.saturating_sub(record.limit_dropped_before),
        refused_in_shadow: in_shadow.rpm + in_shadow.tpm + in_shadow.limit,
        tokens_used: record.tokens_used,
        limits: own.chain(now.limits.iter().map(LimitFigures::from)).collect(),
    };
    Figure { about: About::of(config.id.clone(), config.group.clone()), json: json(&figures) }
}

/// With one digit behind the point, which is more than half a second tells.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 of them in a moment")]
fn per_second(count: u64, ms: u64) -> f64 {
    (count as f64 * 10_000.0 / ms.max(1) as f64).round() / 10.0
}

/// As text; what has no text has none that could be wrong.
pub(super) fn json(shape: &impl Serialize) -> Box<str> {
    serde_json::to_string(shape).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_of_a_second_whatever_time_it_was_seen_over() {
        for (count, ms, rate) in [(0, 500, 0.0), (5, 500, 10.0), (1, 3_000, 0.3), (7, 0, 7_000.0)] {
            assert!((per_second(count, ms) - rate).abs() < f64::EPSILON, "{count} in {ms} ms");
        }
    }

    #[test]
    fn many_clients_are_told_in_several_events_of_which_the_last_says_whether_there_are_more() {
        let figure = |n: usize| Figure {
            about: About::of(ClientId::try_from(format!("c{n}").as_str()).unwrap(), None),
            json: format!("{{\"n\":{n}}}").into(),
        };
        let events = in_events("clients", "T", (0..300).map(figure).collect(), false);
        let texts: Vec<_> = events
            .into_iter()
            .map(|body| super::super::event::Event::new(1, body))
            .filter_map(|event| event.text_for(&super::super::Filter::default()))
            .map(|text| serde_json::from_str::<serde_json::Value>(&text).unwrap())
            .collect();
        let told = |text: &serde_json::Value| text["clients"].as_array().unwrap().len();
        assert_eq!(texts.iter().map(told).collect::<Vec<_>>(), [128, 128, 44]);
        assert_eq!(texts.iter().filter(|text| text["more"] == true).count(), 1);
        assert_eq!(texts.last().unwrap()["more"], true);
    }
}
