//! `cargo xtask sim`: all of FlowGuard in one thread, from seeds that make a run again.
//!
//! The simulation is a program of its own, because it holds the filter and the control plane. It
//! declares, reads and judges the arguments.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;
use supervisor::interrupt;

use crate::cargo::{self, Profile};

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Arguments of the simulation: `cargo xtask sim --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Builds the simulation and becomes it: Ctrl-C and the exit code are then its own.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let program = cargo::build_program("sim", Profile::Release)?;
    interrupt::check()?;
    let error = Command::new(&program).args(&arguments.arguments).exec();
    Err(error).with_context(|| format!("can't run {}", program.display()))
}
