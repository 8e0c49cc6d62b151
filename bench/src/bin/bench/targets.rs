//! What a decision for each request and a look at each chunk may cost, beside what they did cost.

use std::fmt::{self, Display, Formatter};

use serde::{Serialize, Serializer};

use super::cells::{Row, StreamRow};
use super::sample::{Sample, StreamSample};
use super::script::ScriptSample;

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
    Below(f64),
}

/// How many targets there are.
pub(crate) const TARGETS: usize = 10;

/// The targets of `enforce`, against `off`, a filter that reads the headers and asks nobody, and against a control
/// plane that writes nothing down; and those of one that shares a store, against `enforce` and against the script of
/// that store.
pub(crate) fn targets(
    rows: &[Row],
    streams: &[StreamRow],
    script: &ScriptSample,
) -> [Target; TARGETS] {
    let (enforce_32, off_32) = (median(rows, "enforce", 32), median(rows, "off", 32));
    let (enforce_1, off_1) = (median(rows, "enforce", 1), median(rows, "off", 1));
    let (memory_1, memory_32) =
        (median(rows, "enforce-memory", 1), median(rows, "enforce-memory", 32));
    let (stream_enforce, stream_off) =
        (stream_median(streams, "stream-enforce"), stream_median(streams, "stream-off"));
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
        Target {
            what: "throughput of `enforce` to `enforce-memory` at 32 connections",
            measured: enforce_32.rps / memory_32.rps,
            bound: Bound::AtLeast(0.95),
            unit: "",
            decimals: 2,
        },
        Target {
            what: "p50 of `enforce` to `enforce-memory` at 1 connection",
            measured: enforce_1.p50_us / memory_1.p50_us,
            bound: Bound::AtMost(1.1),
            unit: "",
            decimals: 2,
        },
        Target {
            what: "throughput of `enforce-shared` to `enforce` at 32 connections",
            measured: median(rows, "enforce-shared", 32).rps / enforce_32.rps,
            bound: Bound::AtLeast(0.7),
            unit: "",
            decimals: 2,
        },
        Target {
            what: "p50 of `enforce-shared` above `enforce` at 1 connection",
            measured: median(rows, "enforce-shared", 1).p50_us - enforce_1.p50_us,
            bound: Bound::AtMost(150.0),
            unit: " µs",
            decimals: 0,
        },
        Target {
            what: "CPU of the store for a request of `enforce-shared` to its script alone",
            measured: script.store_cpu_us / script.bare_cpu_us,
            bound: Bound::AtMost(1.3),
            unit: "",
            decimals: 2,
        },
        Target {
            what: "p50 of the first byte of `stream-enforce` above `stream-off`",
            measured: stream_enforce.first_byte_p50_us - stream_off.first_byte_p50_us,
            bound: Bound::Below(500.0),
            unit: " µs",
            decimals: 0,
        },
        Target {
            what: "CPU per chunk of `stream-enforce` above `stream-off`",
            measured: stream_enforce.chunk_cpu_us - stream_off.chunk_cpu_us,
            bound: Bound::Below(3.0),
            unit: " µs",
            decimals: 2,
        },
    ]
}

fn median<'a>(rows: &'a [Row], name: &str, connections: u32) -> &'a Sample {
    let row = rows.iter().find(|row| row.name == name && row.connections == connections);
    &row.unwrap_or_else(|| panic!("no row of {name} at {connections} connections")).median
}

fn stream_median<'a>(rows: &'a [StreamRow], name: &str) -> &'a StreamSample {
    let row = rows.iter().find(|row| row.name == name);
    &row.unwrap_or_else(|| panic!("no row of {name}")).median
}

impl Target {
    fn is_met(&self) -> bool {
        match self.bound {
            Bound::AtLeast(least) => self.measured >= least,
            Bound::AtMost(most) => self.measured <= most,
            Bound::Below(limit) => self.measured < limit,
        }
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Entry<'a> {
            text: String,
            measured: f64,
            unit: &'a str,
            met: bool,
        }
        let Self { measured, unit, .. } = *self;
        // To two decimals, like the rows.
        let measured = (measured * 100.0).round() / 100.0;
        let entry =
            Entry { text: self.to_string(), measured, unit: unit.trim_start(), met: self.is_met() };
        entry.serialize(serializer)
    }
}

impl Display for Target {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { what, measured, bound, unit, decimals } = self;
        let (bound, word) = match bound {
            Bound::AtLeast(least) => (least, "at least"),
            Bound::AtMost(most) => (most, "at most"),
            Bound::Below(limit) => (limit, "below"),
        };
        let met = if self.is_met() { "met" } else { "MISSED" };
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
    fn a_bound_is_met_up_to_itself_and_below_means_below() {
        check(Bound::AtLeast(0.5), 0.5, true);
        check(Bound::AtLeast(0.5), 0.499, false);
        check(Bound::AtMost(30.0), 30.0, true);
        check(Bound::AtMost(30.0), 30.1, false);
        check(Bound::AtMost(30.0), -2.0, true);
        check(Bound::Below(3.0), 2.9, true);
        check(Bound::Below(3.0), 3.0, false);
    }

    #[test]
    fn a_figure_that_is_none_is_missed() {
        check(Bound::AtLeast(0.5), f64::NAN, false);
        check(Bound::AtMost(30.0), f64::NAN, false);
        check(Bound::Below(3.0), f64::NAN, false);
    }
}
