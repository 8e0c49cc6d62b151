//! Reads what this repository says, for tests that hold it against what is: the README's commands,
//! the dashboard's queries, the golden lists of metrics, the sources' modules.
//!
//! Like the harness it is for tests alone, and panics where it can't go on.

#![allow(clippy::missing_panics_doc, reason = "said once, above")]

pub mod chart;
pub mod dashboard;
pub mod golden_metrics;
pub mod json;
pub mod promql;
pub mod readme;
pub mod rooms;
pub mod sdk;

use std::fs;

use harness::tools;

/// A file of the project, by its path from the project's folder.
pub fn read(path: &str) -> String {
    fs::read_to_string(tools::workspace().join(path))
        .unwrap_or_else(|error| panic!("can't read {path}: {error}"))
}
