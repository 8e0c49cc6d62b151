//! `cargo xtask test`: everything that CI checks, cheapest first, ending at the first failure.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;

use crate::campaigns::{self, Ran};
use crate::cargo::{Profile, cargo};
use crate::fuzz;
use crate::parts::Parts;
use supervisor::process;

/// For how long each fuzz target is fed: half a minute finds again what was broken, five minutes may
/// find something new.
const FUZZING_S: u32 = 30;
const FUZZING_LONG_S: u32 = 300;

/// What to test.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Also run what takes minutes: ignored tests, the simulation from many seeds, the fuzzers for
    /// longer, the stack in containers
    #[arg(long)]
    long: bool,
    /// Run only the tests whose names contain one of these, and skip format, lints and docs
    filter: Vec<String>,
}

/// Runs all steps.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut steps = Steps::start();
    if arguments.filter.is_empty() {
        steps.cargo("format", &["fmt", "--all", "--check"], "run `cargo fmt --all`")?;
        let lints = ["--", "-D", "warnings"];
        let all = ["clippy", "--locked", "--workspace", "--all-targets"];
        steps.cargo("lints", &[&all[..], &lints].concat(), "")?;
        let filter =
            ["clippy", "--locked", "--package", "flowguard-filter", "--features", "lint-host"];
        steps.cargo("lints of the filter's host calls", &[&filter[..], &lints].concat(), "")?;
        steps.docs()?;
    }
    let mut parts = Parts::default();
    steps.step("filter", "run `cargo xtask filter`", || parts.add_filter())?;
    steps.step("tools", "run `cargo xtask tools`", || {
        parts.add_envoy()?;
        parts.add_test_tools()
    })?;
    steps.step("build", "", || parts.add_control_plane(Profile::Dev))?;
    steps.step("tests", "run `cargo xtask test NAME` for one alone", || {
        let mut command = cargo(&["test", "--locked", "--workspace", "--no-fail-fast", "--"]);
        command.args(arguments.long.then_some("--include-ignored")).args(&arguments.filter);
        process::run(parts.tell(&mut command))
    })?;
    if arguments.filter.is_empty() {
        let seconds = if arguments.long { FUZZING_LONG_S } else { FUZZING_S };
        steps.campaign("fuzzing", || fuzz::campaign(seconds))?;
        if arguments.long {
            let beside = "tests beside limits that match nothing";
            steps.step(beside, "", || campaigns::beside_idle_limits(&parts))?;
            steps.campaign("simulation", campaigns::simulation)?;
            steps.campaign("stack in containers", campaigns::compose)?;
        } else {
            steps.skip("tests beside limits that match nothing", "as without --long");
            steps.skip("simulation", "as without --long");
            steps.skip("stack in containers", "as without --long");
        }
    }
    steps.finish();
    Ok(())
}

/// Steps with their names and times on standard error; standard output is the tests'.
#[derive(Debug)]
struct Steps {
    started: Instant,
    done: usize,
    skipped: usize,
}

impl Steps {
    fn start() -> Self {
        Self { started: Instant::now(), done: 0, skipped: 0 }
    }

    fn cargo(&mut self, name: &str, arguments: &[&str], remedy: &str) -> Result<()> {
        self.step(name, remedy, || process::run(&mut cargo(arguments)))
    }

    fn docs(&mut self) -> Result<()> {
        self.step("docs", "", || {
            let mut command = cargo(&["doc", "--locked", "--workspace", "--no-deps"]);
            process::run(command.env("RUSTDOCFLAGS", "-D warnings"))
        })
    }

    /// Does one step. `remedy` says what to do after a failure, where the error does not tell.
    fn step(
        &mut self,
        name: &str,
        remedy: &str,
        action: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        eprintln!("xtask: {name} …");
        let started = Instant::now();
        let result = action();
        if result.as_ref().is_err_and(|error| !error.is::<supervisor::interrupt::Interrupted>()) {
            return result.with_context(|| failure(name, remedy));
        }
        result?;
        self.done += 1;
        eprintln!("xtask: {name} in {}", seconds(started.elapsed()));
        Ok(())
    }

    /// Does a step that not every machine can do.
    fn campaign(&mut self, name: &str, action: impl FnOnce() -> Result<Ran>) -> Result<()> {
        let mut ran = Ran::ToTheEnd;
        self.step(name, "", || {
            ran = action()?;
            Ok(())
        })?;
        if ran == Ran::NotHere {
            self.done -= 1;
            self.skip(name, "as this machine can't");
        }
        Ok(())
    }

    fn skip(&mut self, name: &str, why: &str) {
        self.skipped += 1;
        eprintln!("xtask: {name} skipped, {why}");
    }

    fn finish(&self) {
        let Self { started, done, skipped } = self;
        let time = seconds(started.elapsed());
        eprintln!("xtask: all {done} steps passed in {time}, {skipped} skipped");
    }
}

fn failure(name: &str, remedy: &str) -> String {
    if remedy.is_empty() { format!("{name} failed") } else { format!("{name} failed, {remedy}") }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_is_named_with_what_to_run() {
        let mut steps = Steps::start();
        let error = steps
            .step("format", "run `cargo fmt --all`", || {
                anyhow::bail!("`cargo fmt` failed (exit status: 1)")
            })
            .unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "format failed, run `cargo fmt --all`: `cargo fmt` failed (exit status: 1)"
        );
        assert_eq!(steps.done, 0);
    }
}
