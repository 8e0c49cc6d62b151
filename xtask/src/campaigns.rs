//! What `cargo xtask test` runs beside the tests: each takes minutes, and tools that are not
//! everywhere.

use std::process::Command;

use anyhow::Result;
use supervisor::process;

use crate::{
    cargo::{self, Profile},
    workspace,
};

/// The exit code by which a script says that this machine has not what it takes.
const SKIPPED: i32 = 77;

/// What became of a campaign that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    ToTheEnd,
    /// The machine has not what it takes.
    NotHere,
}

/// Builds and runs `compose.yaml`, on stand-ins where no registry is in reach.
pub(crate) fn compose() -> Result<Ran> {
    script("tests/compose/run.sh")
}

/// Runs the simulation from ten thousand seeds.
pub(crate) fn simulation() -> Result<Ran> {
    let program = cargo::build_program("sim", Profile::Release)?;
    process::run(Command::new(program).args(["--runs", "10000"]))?;
    Ok(Ran::ToTheEnd)
}

fn script(path: &str) -> Result<Ran> {
    let mut command = Command::new("sh");
    command.arg(path).current_dir(workspace::root());
    let status = process::status(&mut command)?;
    if status.code() == Some(SKIPPED) {
        return Ok(Ran::NotHere);
    }
    process::succeeded(&command, status)?;
    Ok(Ran::ToTheEnd)
}
