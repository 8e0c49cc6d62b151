//! `cargo xtask bench`: what the filter costs on a real Envoy, what a decision costs in the ledger, and
//! what it takes of a shared store.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Result;
use clap::Args;
use supervisor::process;

use crate::cargo::{self, Profile, cargo};
use crate::parts::Parts;

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Measure the ledger's decisions per second, without Envoy
    #[arg(long)]
    ledger: bool,
    /// Measure what a call takes of the shared store, on a real Redis
    #[arg(long, conflicts_with = "ledger")]
    store: bool,
    /// Arguments of the benchmark: `cargo xtask bench --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<OsString>,
}

/// Runs one of the benchmarks.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.ledger {
        let mut command =
            cargo(&["bench", "--locked", "--package", "flowguard", "--bench", "ledger", "--"]);
        return process::run(command.args(&arguments.rest));
    }
    if arguments.store {
        let mut parts = Parts::default();
        parts.add_store_servers()?;
        let mut command = Command::new(cargo::build_program("script", Profile::Release)?);
        return process::run(parts.tell(command.args(&arguments.rest)));
    }
    // Called in the caller's folder, to which the path of the JSON file is relative.
    let mut command = Command::new(cargo::build_program("bench", Profile::Release)?);
    command.args(&arguments.rest);
    if arguments.ask_for_help() {
        return process::run(&mut command);
    }
    let mut parts = Parts::default();
    parts.add_wrk()?;
    parts.add_redis()?;
    parts.add_envoy()?;
    parts.add_filter()?;
    parts.add_control_plane(Profile::Release)?;
    process::run(parts.tell(&mut command))
}

impl Arguments {
    /// Help needs none of the parts, which take minutes the first time.
    fn ask_for_help(&self) -> bool {
        self.rest.iter().any(|argument| argument == "-h" || argument == "--help")
    }
}
