//! The process from its command line to its exit code.

use std::process::ExitCode;

use super::{
    Command, Invocation, cli, data, envoy_config, exit, health_check,
    kept::ShareError,
    serve::{self, ServeError},
    tokens, validate,
};
use crate::logging;

/// Does what the command line asks for.
pub fn run() -> ExitCode {
    let Invocation { command, settings, warnings } = match Invocation::from_process() {
        Ok(invocation) => invocation,
        Err(exit) => return exit::report(exit),
    };
    match command {
        Command::Settings => {
            exit::warn(&warnings);
            exit::print(&settings.to_lines())
        }
        Command::EnvoyConfig(options) => {
            exit::warn(&warnings);
            envoy_config::run(settings, options)
        }
        Command::Health => match health_check::check(&settings) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => exit::unhealthy(&error),
        },
        Command::Validate(file) => match validate::validate(file) {
            Ok(line) => exit::print(&line),
            Err(error) => exit::wrong_data(&error),
        },
        Command::CreateToken(draft) => {
            exit::warn(&warnings);
            tokens::create(draft, &settings)
        }
        Command::Client(command) => flowguard_cli::run(*command),
        Command::Completions(shell) => exit::print(&cli::completions(shell)),
        Command::Data(command) => {
            exit::warn(&warnings);
            data::run(&command, &settings)
        }
        Command::Serve => {
            logging::start(settings.log);
            for warning in &warnings {
                tracing::warn!("{warning}");
            }
            match serve::serve(&settings) {
                Ok(()) => ExitCode::SUCCESS,
                Err(ServeError::ConfigFile(error)) => exit::refuse(&error),
                Err(ServeError::Lock(error)) => exit::refuse(&error),
                Err(ServeError::Tls(error)) => exit::refuse(&error),
                Err(ServeError::Share(error @ ShareError::File(_))) => exit::refuse(&error),
                Err(ServeError::Data(error)) => exit::cannot_create(&error),
                Err(ServeError::State(error)) => exit::cannot_create(&error),
                // What is in the folder cannot be read, or a new one not be written.
                Err(error @ (ServeError::Clients(_) | ServeError::Audit(_))) => {
                    exit::cannot_create(&error)
                }
                Err(error) => exit::unavailable(&error),
            }
        }
    }
}
