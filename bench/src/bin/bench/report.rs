//! The report: two tables for the terminal with the targets below them, and all of it as JSON.

use std::fmt::{self, Display, Formatter};
use std::io::{self, Write};

use serde::Serialize;

use super::cells::{Cell, Row, StreamCell, StreamRow};
use super::plan::Plan;
use super::scenario::of_the_store;
use super::script::ScriptSample;
use super::targets::{TARGETS, Target, targets};

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    #[serde(skip)]
    plan: Plan,
    rows: Vec<Row>,
    streams: Vec<StreamRow>,
    script: ScriptSample,
    targets: [Target; TARGETS],
}

impl Report {
    pub(crate) fn new(
        plan: Plan,
        cells: &[Cell],
        streams: &[StreamCell],
        scripts: &[ScriptSample],
    ) -> Self {
        let rows: Vec<Row> = cells.iter().map(Cell::row).collect();
        let streams: Vec<StreamRow> = streams.iter().map(StreamCell::row).collect();
        let script = ScriptSample::median(scripts);
        let targets = targets(&rows, &streams, &script);
        Self { plan, rows, streams, script, targets }
    }

    /// Writes the rows and the targets.
    pub(crate) fn write_json(&self, mut file: impl Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut file, self)?;
        writeln!(file)
    }
}

impl Report {
    fn write_rows(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "{:>11}  {:<14} {:>10} {:>8} {:>8} {:>13} {:>14} {:>10} {:>10}",
            "connections",
            "scenario",
            "requests/s",
            "p50",
            "p99",
            "Envoy CPU",
            "control plane",
            "store",
            "spread of"
        )?;
        writeln!(
            formatter,
            "{:>11}  {:<14} {:>10} {:>8} {:>8} {:>13} {:>14} {:>10} {:>10}",
            "", "", "", "µs", "µs", "µs/request", "CPU µs/request", "the same", "requests/s"
        )?;
        for Row { name, connections, median, spread } in &self.rows {
            writeln!(
                formatter,
                "{connections:>11}  {name:<14} {:>10.0} {:>8.0} {:>8.0} {:>13.1} {:>14.1} {:>10.1} {:>8.0} %",
                median.rps,
                median.p50_us,
                median.p99_us,
                median.envoy_cpu_us,
                median.control_plane_cpu_us,
                median.store_cpu_us,
                spread * 100.0
            )?;
        }
        Ok(())
    }

    fn write_streams(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "{:<14} {:>14} {:>14} {:>8} {:>11} {:>10} {:>10}",
            "streams",
            "first byte p50",
            "first byte p99",
            "chunks",
            "chunk size",
            "Envoy CPU",
            "spread of"
        )?;
        writeln!(
            formatter,
            "{:<14} {:>14} {:>14} {:>8} {:>11} {:>10} {:>10}",
            "", "µs", "µs", "a stream", "bytes", "µs/chunk", "CPU"
        )?;
        for StreamRow { name, median, spread } in &self.streams {
            writeln!(
                formatter,
                "{name:<14} {:>14.0} {:>14.0} {:>8.0} {:>11.0} {:>10.2} {:>8.0} %",
                median.first_byte_p50_us,
                median.first_byte_p99_us,
                median.chunks,
                median.chunk_bytes,
                median.chunk_cpu_us,
                spread * 100.0
            )?;
        }
        Ok(())
    }
}

impl Display for Report {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Plan { rounds, seconds } = self.plan;
        writeln!(
            formatter,
            "Medians of {rounds} x {seconds} s. Envoy with one worker and a direct response, wrk with one thread.\n"
        )?;
        self.write_rows(formatter)?;
        writeln!(
            formatter,
            "\nMedians of {} x 1 s. Streams of a mock LLM at 1 connection; each chunk is sent when the one before has arrived,\n\
             and all have one CPU while chunks are measured.\n",
            rounds * seconds
        )?;
        self.write_streams(formatter)?;
        let ScriptSample { asks, store_cpu_us, bare_cpu_us } = self.script;
        writeln!(
            formatter,
            "\nThe store at {} connections, {asks:.1} requests a call: {store_cpu_us:.1} µs of CPU for each, its script \
             alone {bare_cpu_us:.1} µs.\n",
            of_the_store().1
        )?;
        self.targets.iter().try_for_each(|target| writeln!(formatter, "{target}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::sample::{Sample, StreamSample};
    use super::super::scenario::{CONNECTIONS, SCENARIOS, STREAMS};
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
                    store_cpu_us: 0.0,
                };
                cells.push(Cell { scenario, connections, samples: vec![sample] });
            }
        }
        let streams = STREAMS.iter().zip(1_u8..).map(|(scenario, factor)| {
            let factor = f64::from(factor);
            let sample = StreamSample {
                first_byte_p50_us: 200.0 * factor,
                first_byte_p99_us: 400.0 * factor,
                chunk_cpu_us: 20.0 + factor * 1.234_567,
                chunks: 10_003.0,
                chunk_bytes: 201.5,
            };
            StreamCell { scenario, samples: vec![sample] }
        });
        let streams: Vec<StreamCell> = streams.collect();
        let script = ScriptSample { asks: 15.5, store_cpu_us: 16.0, bare_cpu_us: 12.5 };
        Report::new(Plan { rounds: 1, seconds: 5 }, &cells, &streams, &[script])
    }

    #[test]
    fn the_json_has_a_row_for_each_cell_and_every_target() {
        let mut bytes = Vec::new();
        report().write_json(&mut bytes).expect("a vector takes everything");
        let json: Value = serde_json::from_slice(&bytes).expect("JSON");
        assert_eq!(json.as_object().map(serde_json::Map::len), Some(4));
        assert_eq!(json["rows"].as_array().map(Vec::len), Some(16));
        let row = json!({
            "name": "off", "connections": 1, "rps": 30_000.0, "p50_us": 80.0, "p99_us": 160.0,
            "envoy_cpu_us": 24.0, "control_plane_cpu_us": 1.23, "store_cpu_us": 0.0
        });
        assert_eq!(json["rows"][1], row);
        let streams = json!([
            {
                "name": "stream-off", "first_byte_p50_us": 200.0, "first_byte_p99_us": 400.0, "chunk_cpu_us": 21.23,
                "chunks": 10_003.0, "chunk_bytes": 201.5
            },
            {
                "name": "stream-enforce", "first_byte_p50_us": 400.0, "first_byte_p99_us": 800.0, "chunk_cpu_us": 22.47,
                "chunks": 10_003.0, "chunk_bytes": 201.5
            },
        ]);
        assert_eq!(json["streams"], streams);
        let script = json!({"asks": 15.5, "store_cpu_us": 16.0, "bare_cpu_us": 12.5});
        assert_eq!(json["script"], script);
        assert_eq!(json["targets"].as_array().map(Vec::len), Some(TARGETS));
        let target = json!({
            "text": "CPU per chunk of `stream-enforce` above `stream-off`: 1.24 µs, target below 3 µs: met",
            "measured": 1.24, "unit": "µs", "met": true
        });
        assert_eq!(json["targets"][9], target);
    }

    #[test]
    fn the_tables_are_followed_by_each_target_and_whether_it_was_met() {
        let text = report().to_string();
        let targets: Vec<&str> = text.lines().rev().take(TARGETS).collect();
        assert_eq!(
            targets,
            [
                "CPU per chunk of `stream-enforce` above `stream-off`: 1.24 µs, target below 3 µs: met",
                "p50 of the first byte of `stream-enforce` above `stream-off`: 200 µs, target below 500 µs: met",
                "CPU of the store for a request of `enforce-shared` to its script alone: 1.28, target at most 1.3: met",
                "p50 of `enforce-shared` above `enforce` at 1 connection: 40 µs, target at most 150 µs: met",
                "throughput of `enforce-shared` to `enforce` at 32 connections: 0.80, target at least 0.7: met",
                "p50 of `enforce` to `enforce-memory` at 1 connection: 1.33, target at most 1.1: MISSED",
                "throughput of `enforce` to `enforce-memory` at 32 connections: 0.75, target at least 0.95: MISSED",
                "p50 of `enforce` above `off` at 1 connection: 80 µs, target at most 120 µs: met",
                "CPU per request of `enforce` above `off` at 32 connections: 24.0 µs, target at most 30 µs: met",
                "throughput of `enforce` to `off` at 32 connections: 0.50, target at least 0.5: met",
            ]
        );
    }
}
