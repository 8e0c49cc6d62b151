//! What is measured of each scenario, and the line of a table that it becomes.

use serde::Serialize;

use super::sample::{Sample, StreamSample, spread};
use super::scenario::Scenario;

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

    pub(crate) fn row(&self) -> Row {
        let median = Sample::median(&self.samples);
        let spread = spread(self.samples.iter().map(|sample| sample.rps), median.rps);
        Row { name: self.scenario.name, connections: self.connections, median, spread }
    }
}

/// The measurements of the streams of one scenario.
#[derive(Debug)]
pub(crate) struct StreamCell {
    pub(crate) scenario: &'static Scenario,
    pub(crate) samples: Vec<StreamSample>,
}

impl StreamCell {
    /// Not measured yet.
    pub(crate) fn new(scenario: &'static Scenario) -> Self {
        Self { scenario, samples: Vec::new() }
    }

    pub(crate) fn row(&self) -> StreamRow {
        let median = StreamSample::median(&self.samples);
        let of_each_round = self.samples.iter().map(|sample| sample.chunk_cpu_us);
        let spread = spread(of_each_round, median.chunk_cpu_us);
        StreamRow { name: self.scenario.name, median, spread }
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

/// One line of the table of streams.
#[derive(Debug, Serialize)]
pub(crate) struct StreamRow {
    pub(crate) name: &'static str,
    #[serde(flatten)]
    pub(crate) median: StreamSample,
    /// As that of [`Row`], of the CPU time.
    #[serde(skip)]
    pub(crate) spread: f64,
}
