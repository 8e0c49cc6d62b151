//! The binary `flowguard`.

use std::process::ExitCode;

use flowguard::{
    cli::{self, Command, Invocation},
    envoy_config, health_check, logging, serve,
};

fn main() -> ExitCode {
    let Invocation { command, settings, warnings } = match Invocation::from_process() {
        Ok(invocation) => invocation,
        Err(exit) => return exit.report(),
    };
    match command {
        Command::Settings => {
            cli::warn(&warnings);
            cli::print(&settings.to_lines())
        }
        Command::EnvoyConfig(options) => {
            cli::warn(&warnings);
            match envoy_config::generate(&settings, &options) {
                Ok(yaml) => cli::print(&yaml),
                Err(error) => cli::refuse(&error),
            }
        }
        Command::Health => match health_check::check(&settings) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => cli::unhealthy(&error),
        },
        Command::Serve => {
            logging::start(&settings.log);
            for warning in &warnings {
                tracing::warn!("{warning}");
            }
            match serve::serve(&settings) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => cli::unavailable(&error),
            }
        }
    }
}
