//! `cargo xtask load`: requests of clients at a steady rate, to see limits at work.
//!
//! The load generator is a program of its own, because it needs an HTTP client. It declares, reads
//! and judges the arguments.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;
use supervisor::interrupt;

use crate::cargo::{self, Profile};

/// What to send, and where to.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Arguments of the load generator: `cargo xtask load --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Builds the load generator and becomes it: Ctrl-C, the exit code and the terminal are then its
/// own.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let program = cargo::build_program("load", Profile::Release)?;
    interrupt::check()?;
    let error = Command::new(&program).args(&arguments.arguments).exec();
    Err(error).with_context(|| format!("can't run {}", program.display()))
}
