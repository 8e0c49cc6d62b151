//! What `cargo xtask test` runs beside the tests: each takes minutes, and tools that are not
//! everywhere.

use std::process::Command;

use anyhow::Result;
use supervisor::process;

use crate::{
    cargo::{self, Profile, cargo},
    parts::Parts,
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

/// What was promised before there were limits beside a client's own two.
const OF_BEFORE: [&str; 13] = [
    "proxy_contract",
    "admin_rest",
    "admin_rest_errors",
    "admin_grpc",
    "modes",
    "rate_limit_headers",
    "settlement",
    "estimates",
    "request_kinds",
    "own_refunds",
    "unknown_clients",
    "streaming",
    "exempt",
];

/// Runs these tests again with twenty limits that match nothing: nobody may notice them.
pub(crate) fn beside_idle_limits(parts: &Parts) -> Result<()> {
    let mut command =
        cargo(&["test", "--locked", "--no-fail-fast", "--package", "flowguard-tests"]);
    command.args(OF_BEFORE.iter().flat_map(|test| ["--test", test]));
    command.env("FLOWGUARD_TEST_IDLE_LIMITS", "1");
    process::run(parts.tell(&mut command))?;
    Ok(())
}

/// Builds and runs `compose.yaml`, on stand-ins where no registry is in reach.
pub(crate) fn compose() -> Result<Ran> {
    script("tests/compose/run.sh")
}

/// Runs the simulation from ten thousand seeds, and from two thousand with a store that is shared.
pub(crate) fn simulation() -> Result<Ran> {
    let program = cargo::build_program("sim", Profile::Release)?;
    process::run(Command::new(&program).args(["--runs", "10000"]))?;
    process::run(Command::new(program).args(["--shared", "--runs", "2000"]))?;
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
