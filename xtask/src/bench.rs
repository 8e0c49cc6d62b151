//! `cargo xtask bench`: what the filter costs on a real Envoy, and what a decision costs in the
//! ledger.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::cargo::{self, Profile, cargo};
use crate::parts::Parts;
use supervisor::process;

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Write the tables and the targets to this file as JSON as well
    #[arg(long, value_name = "FILE", conflicts_with = "ledger")]
    json: Option<PathBuf>,
    /// Short runs, to see that everything works; the figures mean little
    #[arg(long, conflicts_with = "ledger")]
    quick: bool,
    /// How often each scenario is measured; the tables show medians
    #[arg(long, value_name = "N", conflicts_with_all = ["ledger", "quick"])]
    rounds: Option<u32>,
    /// How long each measurement takes
    #[arg(long, value_name = "N", conflicts_with_all = ["ledger", "quick"])]
    seconds: Option<u32>,
    /// Measure the ledger's decisions per second, without Envoy
    #[arg(long)]
    ledger: bool,
}

/// Runs one of the two benchmarks.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.ledger {
        return process::run(&mut cargo(&[
            "bench",
            "--locked",
            "--package",
            "flowguard",
            "--bench",
            "ledger",
        ]));
    }
    let mut parts = Parts::default();
    parts.add_wrk()?;
    parts.add_envoy()?;
    parts.add_filter()?;
    parts.add_control_plane(Profile::Release)?;
    let program = cargo::build_program("bench", Profile::Release)?;
    // Called in the caller's folder, to which the path of the JSON file is relative.
    let mut command = Command::new(program);
    if let Some(json) = &arguments.json {
        command.arg("--json").arg(json);
    }
    command.args(arguments.quick.then_some("--quick"));
    for (flag, value) in [("--rounds", arguments.rounds), ("--seconds", arguments.seconds)] {
        if let Some(value) = value {
            command.args([flag, &value.to_string()]);
        }
    }
    process::run(parts.tell(&mut command))
}
