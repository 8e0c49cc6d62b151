//! A command line that is not understood, in one line.

use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{exit::Exit, usage_error::UsageError};
use crate::settings::{Echo, shown};

/// What the process says in place of doing something, by the grammar that refused it.
pub(super) fn exit(grammar: &clap::Command, error: &clap::Error, arguments: &[OsString]) -> Exit {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Exit::Answered(format!("{}\n", error.to_string().trim_end()));
    }
    let meant = Meant::by(grammar, arguments);
    let told = told(error, &meant);
    Exit::Refused(UsageError::Grammar { told, command: meant.names().join(" ") })
}

/// The command that was typed, and those of which it is one.
struct Meant<'a> {
    last: &'a clap::Command,
    before: Vec<&'a clap::Command>,
}

impl<'a> Meant<'a> {
    fn by(grammar: &'a clap::Command, arguments: &[OsString]) -> Self {
        let mut meant = Self { last: grammar, before: Vec::new() };
        let mut words = arguments.iter().skip(1).map(|word| word.to_string_lossy());
        while let Some(word) = words.next() {
            if word.starts_with('-') {
                if meant.takes_the_next_word(&word) {
                    words.next();
                }
                continue;
            }
            let Some(deeper) = meant.last.find_subcommand(&*word) else { break };
            meant.before.push(meant.last);
            meant.last = deeper;
        }
        meant
    }

    fn all(&self) -> impl Iterator<Item = &'a clap::Command> {
        self.before.iter().copied().chain([self.last])
    }

    fn takes_the_next_word(&self, flag: &str) -> bool {
        let is_it = |arg: &&clap::Arg| match flag.strip_prefix("--") {
            Some(long) => arg.get_long() == Some(long),
            None => arg.get_short().is_some_and(|short| flag == format!("-{short}")),
        };
        // Those of a command are good behind its own commands too.
        let known = self.all().find_map(|command| command.get_arguments().find(is_it));
        known.is_some_and(|arg| arg.get_action().takes_values())
    }

    /// As they are typed.
    fn names(&self) -> Vec<&'a str> {
        self.all().map(clap::Command::get_name).collect()
    }

    /// The command whose commands are to choose from, and these.
    fn choice(&self) -> (Option<&'a str>, Vec<String>) {
        let name = (!self.before.is_empty()).then(|| self.last.get_name());
        let commands = self.last.get_subcommands().filter(|command| !command.is_hide_set());
        (name, commands.map(|command| command.get_name().to_owned()).collect())
    }

    /// Whether a flag that is not expected here is one of a command behind.
    fn is_behind(&self, flag: &str) -> bool {
        let Some(flag) = flag.strip_prefix("--") else { return false };
        let has = |command: &clap::Command| {
            command.get_arguments().any(|arg| arg.get_long() == Some(flag))
        };
        self.before.is_empty() && self.last.get_subcommands().any(has)
    }
}

fn told(error: &clap::Error, meant: &Meant<'_>) -> String {
    let subject = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => shown(OsStr::new(text), Echo::WithoutSecrets),
        _ => "the command line".to_owned(),
    };
    let argument = || subject(ContextKind::InvalidArg);
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let (of, commands) = meant.choice();
            let of = of.map_or_else(String::new, |name| format!(" of {name}"));
            let wrong = subject(ContextKind::InvalidSubcommand);
            let perhaps = perhaps(error, ContextKind::SuggestedSubcommand);
            format!("{wrong} is not a command{of}{perhaps}: {}", or(&commands))
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let (of, commands) = meant.choice();
            format!("{} needs a command: {}", of.unwrap_or_default(), or(&commands))
        }
        ErrorKind::UnknownArgument if meant.is_behind(&argument()) => {
            format!("{} stands behind the command, not before it", argument())
        }
        ErrorKind::UnknownArgument => {
            let perhaps = perhaps(error, ContextKind::SuggestedArg);
            format!("{} is not expected{perhaps}", argument())
        }
        ErrorKind::MissingRequiredArgument => format!("missing: {}", missing(error)),
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

/// What has nearly the name that was typed.
fn perhaps(error: &clap::Error, kind: ContextKind) -> String {
    let name = match error.get(kind) {
        Some(ContextValue::String(name)) => Some(name),
        // The nearest one comes last.
        Some(ContextValue::Strings(names)) => names.last(),
        _ => None,
    };
    name.map(|name| format!(" (did you mean {name}?)")).unwrap_or_default()
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
