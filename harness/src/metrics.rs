//! A page of Prometheus' text format, taken apart.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// A series: the metric's name and its labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    /// The metric's name; of a histogram with its suffix.
    pub name: String,
    /// Values by label.
    pub labels: BTreeMap<String, String>,
}

/// What one page said.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// `# TYPE` by metric.
    pub types: BTreeMap<String, String>,
    /// All samples.
    pub samples: BTreeMap<Series, f64>,
}

impl Metrics {
    /// Reads a page.
    pub fn parse(page: &str) -> Self {
        let mut metrics = Self::default();
        for line in page.lines().filter(|line| !line.is_empty()) {
            if let Some(comment) = line.strip_prefix('#') {
                if let Some((name, kind)) =
                    comment.trim().strip_prefix("TYPE ").and_then(|rest| rest.split_once(' '))
                {
                    metrics.types.insert(name.to_owned(), kind.to_owned());
                }
                continue;
            }
            let (series, value) =
                parse_sample(line).unwrap_or_else(|| panic!("not a sample: {line}"));
            let twice = metrics.samples.insert(series, value);
            assert!(twice.is_none(), "the series appears twice: {line}");
        }
        metrics
    }

    /// The value of the series with exactly these labels.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels
            .iter()
            .map(|(label, value)| ((*label).to_owned(), (*value).to_owned()))
            .collect();
        self.samples.get(&Series { name: name.to_owned(), labels }).copied()
    }

    /// The sum over all series of this name whose labels include these.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let matching = self.samples.iter().filter(|(series, _)| {
            series.name == name
                && labels
                    .iter()
                    .all(|(label, value)| series.labels.get(*label).is_some_and(|is| is == value))
        });
        matching.map(|(_, value)| value).sum()
    }

    /// All values of a label, over every metric.
    pub fn label_values(&self, label: &str) -> BTreeSet<&str> {
        self.samples
            .keys()
            .filter_map(|series| series.labels.get(label))
            .map(String::as_str)
            .collect()
    }

    /// One line for each metric: its name, its type and its labels, in order.
    pub fn shape(&self) -> String {
        let mut text = String::new();
        for (metric, kind) in &self.types {
            let of_metric = |series: &&Series| {
                let suffix = series.name.strip_prefix(metric.as_str());
                matches!(suffix, Some("" | "_bucket" | "_sum" | "_count"))
            };
            let labels: BTreeSet<&String> = self
                .samples
                .keys()
                .filter(of_metric)
                .flat_map(|series| series.labels.keys())
                .collect();
            let _ = write!(text, "{metric} {kind}");
            for label in labels {
                text.push(' ');
                text.push_str(label);
            }
            text.push('\n');
        }
        text
    }
}

fn parse_sample(line: &str) -> Option<(Series, f64)> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, parse_labels(labels.strip_suffix('}')?)?),
        None => (series, BTreeMap::new()),
    };
    Some((Series { name: name.to_owned(), labels }, value.parse().ok()?))
}

fn parse_labels(mut text: &str) -> Option<BTreeMap<String, String>> {
    let mut labels = BTreeMap::new();
    while !text.is_empty() {
        let (label, rest) = text.split_once("=\"")?;
        let mut value = String::new();
        let mut characters = rest.char_indices();
        let end = loop {
            match characters.next()? {
                (end, '"') => break end,
                (_, '\\') => match characters.next()?.1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                (_, other) => value.push(other),
            }
        };
        labels.insert(label.to_owned(), value);
        text = &rest[end + 1..];
        text = text.strip_prefix(',').unwrap_or(text);
    }
    Some(labels)
}
