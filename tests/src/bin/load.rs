//! `cargo xtask load`: sends requests as one client, and shows how they were answered.

use std::process::ExitCode;

use clap::Parser;
use harness::load_command::{self, Ended, Options};

/// What a shell shows for a command that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

#[tokio::main]
async fn main() -> ExitCode {
    match load_command::run(Options::parse()).await {
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
