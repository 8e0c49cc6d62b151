//! How the process ends: what it says at last, and its exit code.

use std::{
    error::Error,
    io::{self, Write as _},
    process::ExitCode,
};

use super::usage_error::UsageError;
use crate::settings::WithoutEffect;

/// For a control plane that does not serve: of a health check Docker knows 0 and 1 alone.
const UNHEALTHY: u8 = 1;

/// For a wrong command line or setting: `EX_USAGE` of sysexits.h.
const USAGE: u8 = 64;

/// For a file that is not in order: `EX_DATAERR` of sysexits.h.
const WRONG_DATA: u8 = 65;

/// For a taken port or a server that failed: `EX_UNAVAILABLE` of sysexits.h.
const UNAVAILABLE: u8 = 69;

/// For a folder that cannot be made or used: `EX_CANTCREAT` of sysexits.h.
const CANNOT_CREATE: u8 = 73;

/// Why the process ends before it has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// `--help` or `--version` was asked for; the text is for stdout.
    Answered(String),
    /// The command line or a setting is wrong.
    Refused(UsageError),
}

impl From<UsageError> for Exit {
    fn from(error: UsageError) -> Self {
        Self::Refused(error)
    }
}

/// Says on stdout or stderr what there is to say before anything has begun.
pub(super) fn report(exit: Exit) -> ExitCode {
    match exit {
        Exit::Answered(text) => print(&text),
        Exit::Refused(error) => refuse(&error),
    }
}

/// Says on stderr what is wrong with the command line or a setting, in one line, or with the file of
/// clients, in a line an error.
pub(super) fn refuse(error: &dyn Error) -> ExitCode {
    fail(error, USAGE)
}

/// Says on stderr, in a line each, what is wrong with a file.
pub(super) fn wrong_data(error: &dyn Error) -> ExitCode {
    fail(error, WRONG_DATA)
}

/// Says in one line on stderr why the control plane cannot be called healthy.
pub(super) fn unhealthy(error: &dyn Error) -> ExitCode {
    fail(error, UNHEALTHY)
}

/// Says in one line on stderr why nothing is served.
pub(super) fn unavailable(error: &dyn Error) -> ExitCode {
    fail(error, UNAVAILABLE)
}

/// Says in one line on stderr why nothing can be kept.
pub(super) fn cannot_create(error: &dyn Error) -> ExitCode {
    fail(error, CANNOT_CREATE)
}

fn fail(error: &dyn Error, code: u8) -> ExitCode {
    // Without stderr the exit code has to be enough.
    let _ = writeln!(io::stderr(), "{error}");
    ExitCode::from(code)
}

/// Says on stderr, in a line each, what should be known of the environment.
pub(super) fn warn(warnings: &[WithoutEffect]) {
    for warning in warnings {
        // The command is done all the same.
        let _ = writeln!(io::stderr(), "warning: {warning}");
    }
}

/// Says on stderr, in one line, what has to be known of a result that is well.
pub(super) fn note(text: &str) {
    // The command is done all the same.
    let _ = writeln!(io::stderr(), "note: {text}");
}

/// Says on stderr what was done, where stdout has the result.
pub(super) fn done(text: &str) -> ExitCode {
    // It is done all the same.
    let _ = io::stderr().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// Writes a command's result to stdout; a reader that has seen enough (`| head`) is no failure.
pub(super) fn print(text: &str) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}
