//! `cargo xtask load`: requests of one client or several at a steady rate, and a table of how they
//! were answered.

mod answer;
mod client;
mod error;
mod limits;
mod open_loop;
mod options;
mod report;
mod requests;
mod standing;
mod tally;

use std::process::ExitCode;

use clap::Parser;

use options::Options;
use report::Ended;

/// What a shell shows for a command that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

#[tokio::main]
async fn main() -> ExitCode {
    match open_loop::run(Options::parse()).await {
        Ok(report) => {
            print!("{report}");
            match report.ended {
                Ended::Done => ExitCode::SUCCESS,
                Ended::Interrupted => ExitCode::from(INTERRUPTED),
            }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
