//! What Prometheus would have scraped, on a stretched time line.

use std::collections::BTreeMap;
use std::fmt::Write;

use harness::metrics::{Metrics, Series};
use serde_json::{Value, json};

pub(crate) const SCRAPE_INTERVAL_S: usize = 15;
pub(crate) const SCRAPES_A_MINUTE: usize = 60 / SCRAPE_INTERVAL_S;

/// A target, by the labels that Prometheus gives to its series.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) job: &'static str,
    pub(crate) instance: &'static str,
}

/// By series: its value at each scrape, where it had one.
#[derive(Default)]
pub(crate) struct Recording {
    series: BTreeMap<String, Vec<Option<f64>>>,
    scrapes: usize,
}

impl Recording {
    pub(crate) fn scrapes(&self) -> usize {
        self.scrapes
    }

    /// Adds a scrape; a target whose page could not be read is down.
    pub(crate) fn scrape<const N: usize>(&mut self, pages: [(Target, Option<Metrics>); N]) {
        for (target, page) in pages {
            let up = Series { name: "up".to_owned(), labels: BTreeMap::new() };
            self.add(target, &up, if page.is_some() { 1.0 } else { 0.0 });
            for (series, value) in page.iter().flat_map(|page| &page.samples) {
                if is_judged(&series.name) {
                    self.add(target, series, *value);
                }
            }
        }
        self.scrapes += 1;
    }

    fn add(&mut self, target: Target, series: &Series, value: f64) {
        let Target { job, instance } = target;
        let mut name = format!("{}{{job=\"{job}\",instance=\"{instance}\"", series.name);
        for (label, value) in &series.labels {
            let _ = write!(name, ",{label}=\"{value}\"");
        }
        name.push('}');
        let values = self.series.entry(name).or_default();
        values.resize(self.scrapes, None);
        values.push(Some(value));
    }

    /// As promtool reads it. A series that a scrape no longer brings is stale from then on.
    pub(crate) fn as_input_series(&self) -> Vec<Value> {
        let series = self.series.iter().map(|(name, values)| {
            let mut text = String::new();
            let mut was_there = false;
            for scrape in 0..self.scrapes {
                let value = values.get(scrape).copied().flatten();
                let _ = match value {
                    Some(value) => write!(text, "{value} "),
                    None if was_there => write!(text, "stale "),
                    None => write!(text, "_ "),
                };
                was_there = value.is_some();
            }
            json!({"series": name, "values": text.trim_end()})
        });
        series.collect()
    }
}

/// How fast this machine decides is no part of the game.
fn is_judged(name: &str) -> bool {
    let is_ours = name.starts_with("flowguard_") || name.starts_with("envoy_");
    let is_speed = name.starts_with("flowguard_decision_wait_microseconds")
        || name.starts_with("flowguard_request_duration_milliseconds")
        || name.starts_with("flowguard_store_call_duration_seconds");
    (is_ours || name == "process_start_time_seconds") && !is_speed
}
