//! The report: a table for the terminal with the targets below it, and its rows as JSON.

use std::fmt::{self, Display, Formatter};
use std::io::{self, Write};

use serde::Serialize;

use super::Plan;
use super::sample::Sample;
use super::scenario::Scenario;
use super::targets::targets;

/// The measurements of one scenario with one number of connections.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) scenario: &'static Scenario,
    pub(crate) connections: u32,
    pub(crate) samples: Vec<Sample>,
}

impl Cell {
    /// Not measured yet.
    pub(crate) fn new(scenario: &'static Scenario, connections: u32) -> Self {
        Self { scenario, connections, samples: Vec::new() }
    }

    /// How far apart the rounds were, as a share of the median.
    fn spread(&self, median: f64) -> f64 {
        let rps = || self.samples.iter().map(|sample| sample.rps);
        (rps().fold(f64::MIN, f64::max) - rps().fold(f64::MAX, f64::min)) / median
    }
}

/// One line of the table.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) connections: u32,
    #[serde(flatten)]
    pub(crate) median: Sample,
    /// Tells a reader of the table how noisy the machine was.
    #[serde(skip)]
    pub(crate) spread: f64,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub struct Report {
    #[serde(skip)]
    plan: Plan,
    rows: Vec<Row>,
}

impl Report {
    pub(crate) fn new(plan: Plan, cells: &[Cell]) -> Self {
        let rows = cells.iter().map(|cell| {
            let median = Sample::median(&cell.samples);
            Row {
                name: cell.scenario.name,
                connections: cell.connections,
                spread: cell.spread(median.rps),
                median,
            }
        });
        Self { plan, rows: rows.collect() }
    }

    /// Writes the rows.
    pub fn write_json(&self, mut file: impl Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut file, self)?;
        writeln!(file)
    }
}

impl Display for Report {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Plan { rounds, seconds } = self.plan;
        writeln!(
            formatter,
            "Medians of {rounds} x {seconds} s. Envoy with one worker and a direct response, wrk with one thread."
        )?;
        writeln!(
            formatter,
            "\n{:>11}  {:<12} {:>10} {:>8} {:>8} {:>13} {:>14} {:>10}",
            "connections",
            "scenario",
            "requests/s",
            "p50",
            "p99",
            "Envoy CPU",
            "control plane",
            "spread of"
        )?;
        writeln!(
            formatter,
            "{:>11}  {:<12} {:>10} {:>8} {:>8} {:>13} {:>14} {:>10}",
            "", "", "", "µs", "µs", "µs/request", "CPU µs/request", "requests/s"
        )?;
        for Row { name, connections, median, spread } in &self.rows {
            writeln!(
                formatter,
                "{connections:>11}  {name:<12} {:>10.0} {:>8.0} {:>8.0} {:>13.1} {:>14.1} {:>8.0} %",
                median.rps,
                median.p50_us,
                median.p99_us,
                median.envoy_cpu_us,
                median.control_plane_cpu_us,
                spread * 100.0
            )?;
        }
        writeln!(formatter)?;
        targets(&self.rows).iter().try_for_each(|target| writeln!(formatter, "{target}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::scenario::{CONNECTIONS, SCENARIOS};
    use super::*;

    fn report() -> Report {
        let mut cells = Vec::new();
        for connections in CONNECTIONS {
            for (scenario, factor) in SCENARIOS.iter().zip(1_u8..) {
                let factor = f64::from(factor);
                let sample = Sample {
                    rps: 60_000.0 / factor,
                    p50_us: 40.0 * factor,
                    p99_us: 80.0 * factor,
                    envoy_cpu_us: 12.0 * factor,
                    control_plane_cpu_us: 1.234_567,
                };
                cells.push(Cell { scenario, connections, samples: vec![sample] });
            }
        }
        Report::new(Plan { rounds: 1, seconds: 5 }, &cells)
    }

    #[test]
    fn the_json_has_a_row_for_each_cell_and_nothing_else() {
        let mut bytes = Vec::new();
        report().write_json(&mut bytes).expect("a vector takes everything");
        let json: Value = serde_json::from_slice(&bytes).expect("JSON");
        assert_eq!(json.as_object().map(serde_json::Map::len), Some(1));
        assert_eq!(json["rows"].as_array().map(Vec::len), Some(10));
        let row = json!({
            "name": "off", "connections": 1, "rps": 30_000.0, "p50_us": 80.0, "p99_us": 160.0,
            "envoy_cpu_us": 24.0, "control_plane_cpu_us": 1.23
        });
        assert_eq!(json["rows"][1], row);
    }

    #[test]
    fn the_table_is_followed_by_each_target_and_whether_it_was_met() {
        let text = report().to_string();
        let targets: Vec<&str> = text.lines().rev().take(3).collect();
        assert_eq!(
            targets,
            [
                "p50 of `enforce` above `off` at 1 connection: 40 µs, target at most 120 µs: met",
                "CPU per request of `enforce` above `off` at 32 connections: 12.0 µs, target at most 30 µs: met",
                "throughput of `enforce` to `off` at 32 connections: 0.67, target at least 0.5: met",
            ]
        );
    }
}
