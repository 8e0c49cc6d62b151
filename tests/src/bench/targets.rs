//! What a decision for each request may cost, beside what it did cost.

use std::fmt::{self, Display, Formatter};

use super::report::Row;
use super::sample::Sample;

/// A target and what was measured.
#[derive(Debug)]
pub(crate) struct Target {
    what: &'static str,
    measured: f64,
    bound: Bound,
    unit: &'static str,
    decimals: usize,
}

#[derive(Debug)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// The targets of `enforce`, each against `off`: a filter that reads the headers and asks nobody.
pub(crate) fn targets(rows: &[Row]) -> [Target; 3] {
    let (enforce_32, off_32) = (median(rows, "enforce", 32), median(rows, "off", 32));
    let (enforce_1, off_1) = (median(rows, "enforce", 1), median(rows, "off", 1));
    [
        Target {
            what: "throughput of `enforce` to `off` at 32 connections",
            measured: enforce_32.rps / off_32.rps,
            bound: Bound::AtLeast(0.5),
            unit: "",
            decimals: 2,
        },
        Target {
            what: "CPU per request of `enforce` above `off` at 32 connections",
            measured: enforce_32.cpu_us() - off_32.cpu_us(),
            bound: Bound::AtMost(30.0),
            unit: " µs",
            decimals: 1,
        },
        Target {
            what: "p50 of `enforce` above `off` at 1 connection",
            measured: enforce_1.p50_us - off_1.p50_us,
            bound: Bound::AtMost(120.0),
            unit: " µs",
            decimals: 0,
        },
    ]
}

fn median<'a>(rows: &'a [Row], name: &str, connections: u32) -> &'a Sample {
    let row = rows.iter().find(|row| row.name == name && row.connections == connections);
    &row.unwrap_or_else(|| panic!("no row of {name} at {connections} connections")).median
}

impl Display for Target {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { what, measured, bound, unit, decimals } = self;
        let (bound, word, met) = match bound {
            Bound::AtLeast(least) => (least, "at least", measured >= least),
            Bound::AtMost(most) => (most, "at most", measured <= most),
        };
        let met = if met { "met" } else { "MISSED" };
        write!(formatter, "{what}: {measured:.decimals$}{unit}, target {word} {bound}{unit}: {met}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bound: Bound, measured: f64, met: bool) {
        let target = Target { what: "cost", measured, bound, unit: " µs", decimals: 0 };
        assert_eq!(target.to_string().ends_with(": met"), met, "{target}");
    }

    #[test]
    fn a_bound_itself_is_met_and_what_is_beyond_it_is_missed() {
        check(Bound::AtLeast(0.5), 0.5, true);
        check(Bound::AtLeast(0.5), 0.499, false);
        check(Bound::AtMost(30.0), 30.0, true);
        check(Bound::AtMost(30.0), 30.1, false);
        check(Bound::AtMost(30.0), -2.0, true);
    }

    #[test]
    fn a_figure_that_is_none_is_missed() {
        check(Bound::AtLeast(0.5), f64::NAN, false);
        check(Bound::AtMost(30.0), f64::NAN, false);
    }
}
