//! From a command to the exit code.

use std::process::ExitCode;

use tokio::{runtime, signal};

use crate::{
    commands::Command,
    failure::{Failure, Outcome},
    output::say,
};

/// Does what a command says.
pub fn run(command: Command) -> ExitCode {
    let code = match work(command) {
        Ok(outcome) => outcome.code(),
        Err(failure) => {
            say(&failure.to_string());
            failure.code()
        }
    };
    ExitCode::from(code)
}

fn work(command: Command) -> Result<Outcome, Failure> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::Process)?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = command.run() => outcome,
            Ok(()) = signal::ctrl_c() => Err(Failure::Interrupted),
        }
    });
    // A question at the terminal that nobody answers any more would be waited for.
    runtime.shutdown_background();
    outcome
}
