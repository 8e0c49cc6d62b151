//! `cargo xtask bench`: what the filter costs on a real Envoy. A request, from no filter at all to a decision for each;
//! and a stream.
//!
//! Every scenario has an Envoy of its own with one worker, all share one control plane, and only the one that is
//! measured gets load. Envoy answers requests by itself (a direct response), so that nothing but the filter differs;
//! streams come from a mock LLM, whose share is the same with and without decisions. A machine is seldom quiet,
//! so all scenarios take turns in several rounds, and a cell of a table is the median of its turns.

mod cells;
mod cpu;
mod envoy_config;
mod error;
mod events;
mod measure;
mod one_cpu;
mod plan;
mod proof;
mod report;
mod sample;
mod scenario;
mod script;
mod stage;
mod stream;
mod targets;
mod wrk;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use error::BenchError;
use plan::Plan;

/// Measures requests per second, latency and CPU per request, with and without the filter, and what it adds to streams.
#[derive(Debug, Parser)]
#[command(
    name = "bench",
    bin_name = "cargo xtask bench",
    version,
    after_help = "`cargo xtask bench --ledger` measures the ledger's decisions per second, without Envoy."
)]
struct Options {
    /// Write the tables and the targets to this file as JSON as well
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// How often every cell is measured; the medians are reported
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// How long a cell is measured in each round; below 4 seconds its CPU figures are coarse
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: u32,
    /// One round of one second, to see that everything works; the figures mean little
    #[arg(long, conflicts_with_all = ["rounds", "seconds"])]
    quick: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), BenchError> {
    // Before minutes are spent on what it is to hold.
    let json = options.json.as_deref().map(|path| create(path).map(|file| (path, file)));
    let json = json.transpose()?;
    let plan = if options.quick {
        Plan { rounds: 1, seconds: 1 }
    } else {
        Plan { rounds: options.rounds, seconds: options.seconds }
    };
    let report = measure::run(plan).await?;
    print!("{report}");
    if let Some((path, file)) = json {
        report.write_json(file).map_err(|error| BenchError::write(path, error))?;
    }
    Ok(())
}

fn create(path: &Path) -> Result<File, BenchError> {
    File::create(path).map_err(|error| BenchError::write(path, error))
}
