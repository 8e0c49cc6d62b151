//! The metrics that there are, by the golden lists that tests hold against what is scraped.

use std::collections::{BTreeMap, BTreeSet};

use crate::read;

/// Of the control plane, of one with a shared store, of one with TLS, of Envoy with the filter, and of every process: each line's first two
/// words are a metric and its type, behind what is put before them.
const LISTS: [(&str, &str); 5] = [
    ("tests/tests/golden/metrics.txt", ""),
    ("tests/tests/golden/store_metrics.txt", ""),
    ("tests/tests/golden/tls_metrics.txt", ""),
    ("tests/tests/golden/envoy_metrics.txt", ""),
    ("control-plane/tests/golden/metrics.txt", "# TYPE "),
];

/// Types by metric. One that Prometheus adds itself, `up`, is not here.
pub fn types() -> BTreeMap<String, String> {
    let mut types = BTreeMap::new();
    for line in lines() {
        let mut words = line.split(' ');
        if let (Some(metric), Some(kind)) = (words.next(), words.next()) {
            types.insert(metric.to_owned(), kind.to_owned());
        }
    }
    types
}

/// The labels that metrics have, as far as the lists say: behind a metric and its type.
pub fn labels() -> BTreeSet<String> {
    let labels = |line: String| line.split(' ').skip(2).map(str::to_owned).collect::<Vec<_>>();
    lines().flat_map(labels).collect()
}

/// What the lists say, each line from its metric on.
fn lines() -> impl Iterator<Item = String> {
    LISTS.into_iter().flat_map(|(list, before)| {
        let text = read(list);
        let lines = text.lines().filter_map(|line| line.strip_prefix(before));
        lines.map(str::to_owned).collect::<Vec<_>>()
    })
}

/// The type of a metric, or of the histogram that a series with a suffix belongs to.
pub fn type_of<'a>(types: &'a BTreeMap<String, String>, series: &str) -> Option<&'a str> {
    let suffixes = ["_bucket", "_sum", "_count"];
    let histogram = suffixes.iter().find_map(|suffix| series.strip_suffix(suffix));
    let histogram =
        histogram.and_then(|metric| types.get(metric)).filter(|kind| *kind == "histogram");
    types.get(series).or(histogram).map(String::as_str)
}

/// Everything in a text that is a name, as Prometheus' names are; of `a:b` the whole.
pub fn names(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |character: char| character.is_ascii_alphanumeric() || "_:".contains(character);
    text.split(move |character| !is_part(character)).filter(|name| !name.is_empty())
}
