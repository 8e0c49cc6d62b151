//! `cargo xtask …`: every developer command of FlowGuard, under the names that the README and CI
//! use.
//!
//! This file only reads the command line and hands over. It is compiled before anything else runs,
//! so the crate's dependencies stay few, and everything is blocking.

mod bench;
mod campaigns;
mod cargo;
mod dist;
mod filter;
mod fuzz;
mod load;
mod parts;
mod simulation;
mod test;
mod tools;
mod up;
mod whole_folder;
mod workspace;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use supervisor::{interrupt, leash};

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Every developer command of FlowGuard",
    long_about = None
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build everything and run it: Envoy with the filter, the control plane, and a mock LLM with
    /// --demo
    Up(up::Arguments),
    /// Check everything that CI checks: format, lints, docs, unit tests, and end-to-end tests on a
    /// real Envoy
    Test(test::Arguments),
    /// Measure requests per second, latency and CPU per request, with and without the filter
    #[command(disable_help_flag = true)]
    Bench(bench::Arguments),
    /// Send requests as one client at a steady rate, and show how they were answered
    #[command(disable_help_flag = true)]
    Load(load::Arguments),
    /// Run all of FlowGuard in one thread, from seeds, beside an exact oracle
    #[command(disable_help_flag = true)]
    Sim(simulation::Arguments),
    /// Build the wasm filter and print where it is
    Filter,
    /// Put all that a release has into one folder: the filter, the program, images, the Helm chart
    Dist(dist::Arguments),
    /// Feed the fuzz targets with bytes that a fuzzer makes
    Fuzz(fuzz::Arguments),
    /// Find or install Envoy and print where it is
    Envoy,
    /// Find or install every tool that tests and benchmarks run, and print NAME=PATH lines for the
    /// environment
    Tools,
    /// Run a program that ends when the process PARENT ends
    #[command(hide = true)]
    Leash {
        parent: i32,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    match dispatch(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            if error.is::<interrupt::Interrupted>() {
                ExitCode::from(interrupt::EXIT_CODE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn dispatch(command: Command) -> Result<()> {
    if !matches!(command, Command::Leash { .. }) {
        interrupt::watch()?;
    }
    match command {
        Command::Up(arguments) => up::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Load(arguments) => load::run(&arguments),
        Command::Sim(arguments) => simulation::run(&arguments),
        Command::Filter => filter::run(),
        Command::Dist(arguments) => dist::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Envoy => tools::print_envoy(),
        Command::Tools => tools::print_all(),
        Command::Leash { parent, command } => leash::become_program(parent, &command),
    }
}
