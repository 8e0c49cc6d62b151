//! A command line that is not understood, in one line.

use std::ffi::OsStr;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{UsageError, cli::grammar, exit::Exit};
use crate::settings::{Echo, shown};

/// What the process says in place of doing something.
pub(super) fn exit(error: &clap::Error) -> Exit {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Exit::Answered(format!("{}\n", error.to_string().trim_end()));
    }
    Exit::Refused(UsageError::Grammar(told(error)))
}

fn told(error: &clap::Error) -> String {
    let subject = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => shown(OsStr::new(text), Echo::WithoutSecrets),
        _ => "the command line".to_owned(),
    };
    let argument = || subject(ContextKind::InvalidArg);
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let (of, commands) = asked(error);
            let of = of.map_or_else(String::new, |name| format!(" of {name}"));
            let wrong = subject(ContextKind::InvalidSubcommand);
            format!("{wrong} is not a command{of}: {}", or(&commands))
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let (of, commands) = asked(error);
            format!("{} needs a command: {}", of.unwrap_or_default(), or(&commands))
        }
        ErrorKind::MissingRequiredArgument => format!("missing: {}", missing(error)),
        ErrorKind::UnknownArgument => format!("{} is not expected", argument()),
        ErrorKind::ArgumentConflict => match error.get(ContextKind::PriorArg) {
            Some(ContextValue::String(other)) if *other != argument() => {
                format!("{} and {other} exclude each other", argument())
            }
            _ => format!("{} is given twice", argument()),
        },
        ErrorKind::InvalidValue => match error.get(ContextKind::ValidValue) {
            Some(ContextValue::Strings(valid)) if !valid.is_empty() => {
                let value = subject(ContextKind::InvalidValue);
                format!("{} takes {}, not {value}", argument(), or(valid))
            }
            _ => format!("{} needs a value", argument()),
        },
        ErrorKind::ValueValidation => {
            let value = subject(ContextKind::InvalidValue);
            let reason = std::error::Error::source(error).map(ToString::to_string);
            format!("{} does not take {value}: {}", argument(), reason.unwrap_or_default())
        }
        kind => format!("{}: {kind}", argument()),
    }
}

/// The command whose commands are meant, and these. clap shows a usage with all that it says, of the
/// command where it stopped.
fn asked(error: &clap::Error) -> (Option<String>, Vec<String>) {
    let text = error.to_string();
    let usage = text.lines().find_map(|line| line.trim().strip_prefix("Usage: flowguard "));
    let grammar = grammar();
    let (mut command, mut name) = (&grammar, None);
    for word in usage.unwrap_or_default().split(' ') {
        let Some(deeper) = command.find_subcommand(word) else { break };
        (command, name) = (deeper, Some(word.to_owned()));
    }
    let commands = command.get_subcommands().filter(|command| !command.is_hide_set());
    (name, commands.map(|command| command.get_name().to_owned()).collect())
}

/// The arguments that have to be there and are not.
fn missing(error: &clap::Error) -> String {
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::Strings(arguments)) => arguments.join(" and "),
        _ => "an argument".to_owned(),
    }
}

/// Names as a choice.
fn or(names: &[String]) -> String {
    match names {
        [] => "there is none".to_owned(),
        [only] => only.clone(),
        [all @ .., last] => format!("{} or {last}", all.join(", ")),
    }
}
