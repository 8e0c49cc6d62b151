//! The binary `flowguard`.

use std::process::ExitCode;

use flowguard::{
    cli::{self, Command, Invocation},
    envoy_config, health_check, logging, serve,
};

fn main() -> ExitCode {
    let Invocation { command, settings } = match Invocation::from_process() {
        Ok(invocation) => invocation,
        Err(exit) => return exit.report(),
    };
    match command {
        Command::Settings => cli::print(&settings.to_lines()),
        Command::EnvoyConfig(options) => match envoy_config::generate(&settings, &options) {
            Ok(yaml) => cli::print(&yaml),
            Err(error) => cli::refuse(&error),
        },
        Command::Health => match health_check::check(&settings) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => cli::unhealthy(&error),
        },
        Command::Serve => {
            logging::start(&settings.log);
            match serve::serve(&settings) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => cli::unavailable(&error),
            }
        }
    }
}
