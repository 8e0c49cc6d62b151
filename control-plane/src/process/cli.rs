//! The command line of the binary `flowguard`.
//!
//! clap knows the grammar: which commands and flags there are. What a value means is the
//! settings' business, because a value given by an environment variable must be read, and
//! refused, in the same way.

use std::{
    env,
    error::Error,
    ffi::{OsStr, OsString},
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{
    Arg, ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand,
    builder::ValueParser,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{
    envoy_config,
    settings::{
        Echo, FilterMode, Given, Host, NotAllowed, Setting, Settings, SettingsError, Variables,
        WithoutEffect, Word as _, fixed_port, shown,
    },
};

/// The exit code for a control plane that does not serve; Docker reserves every other one.
const EXIT_UNHEALTHY: u8 = 1;

/// The exit code for a wrong command line or setting: `EX_USAGE` of sysexits.h.
const EXIT_USAGE: u8 = 64;

/// The exit code for a taken port or a server that failed: `EX_UNAVAILABLE` of sysexits.h.
const EXIT_UNAVAILABLE: u8 = 69;

/// What the process was asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The command.
    pub command: Command,
    /// The settings, which are the same for every command.
    pub settings: Settings,
    /// What the operator should know of variables that look like settings and are none.
    pub warnings: Vec<WithoutEffect>,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Run the control plane.
    Serve,
    /// Print the settings in effect.
    Settings,
    /// Print a configuration for Envoy.
    EnvoyConfig(envoy_config::Options),
    /// Ask the running control plane whether it serves.
    Health,
}

/// Why the process ends before it has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// `--help` or `--version` was asked for; the text is for stdout.
    Answered(String),
    /// The command line or a setting is wrong.
    Refused(UsageError),
}

/// A command line or a setting that is wrong; shown in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// A setting.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A command's option.
    #[error(transparent)]
    Option(#[from] NotAllowed),
    /// Not the grammar of the command line.
    #[error("{0}; see flowguard --help")]
    Grammar(String),
}

impl Invocation {
    /// Reads the process's arguments and environment.
    pub fn from_process() -> Result<Self, Exit> {
        Self::parse(env::args_os(), env::vars_os())
    }

    /// Reads `arguments`, the first of which is the program's name, and for what they leave
    /// open the environment: the names of its variables and their values.
    pub fn parse(
        arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, Exit> {
        let grammar = Cli::command().args(flags()).after_help(environment_help());
        let matches = grammar.try_get_matches_from(arguments).map_err(Exit::from)?;
        let line = Cli::from_arg_matches(&matches).map_err(Exit::from)?;
        let command = line.command.unwrap_or(CommandLine::Serve).check()?;
        let variables = Variables::new(environment);
        let warnings = variables.check().map_err(SettingsError::from).map_err(UsageError::from)?;
        let settings = Settings::resolve(|setting| {
            flag_value(&matches, setting).map(Given::from).or_else(|| variables.given(setting))
        });
        Ok(Self { command, settings: settings.map_err(UsageError::from)?, warnings })
    }
}

impl Exit {
    /// Says on stdout or stderr what there is to say.
    pub fn report(self) -> ExitCode {
        match self {
            Self::Answered(text) => print(&text),
            Self::Refused(error) => refuse(&error),
        }
    }
}

impl From<UsageError> for Exit {
    fn from(error: UsageError) -> Self {
        Self::Refused(error)
    }
}

/// Says in one line on stderr what is wrong with the command line or a setting.
pub fn refuse(error: &dyn Error) -> ExitCode {
    fail(error, EXIT_USAGE)
}

/// Says in one line on stderr why the control plane cannot be called healthy.
pub fn unhealthy(error: &dyn Error) -> ExitCode {
    fail(error, EXIT_UNHEALTHY)
}

/// Says in one line on stderr why nothing is served.
pub fn unavailable(error: &dyn Error) -> ExitCode {
    fail(error, EXIT_UNAVAILABLE)
}

fn fail(error: &dyn Error, code: u8) -> ExitCode {
    // Without stderr the exit code has to be enough.
    let _ = writeln!(io::stderr(), "{error}");
    ExitCode::from(code)
}

/// Says on stderr, in a line each, what should be known of the environment.
pub fn warn(warnings: &[WithoutEffect]) {
    for warning in warnings {
        // The command is done all the same.
        let _ = writeln!(io::stderr(), "warning: {warning}");
    }
}

/// Writes a command's result to stdout; a reader that has seen enough (`| head`) is no failure.
pub fn print(text: &str) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

/// FlowGuard limits requests and tokens per minute in front of LLM APIs.
///
/// This is its control plane, which Envoy's filter asks for every request.
#[derive(Parser)]
#[command(name = "flowguard", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<CommandLine>,
}

#[derive(Subcommand)]
enum CommandLine {
    /// Run the control plane (what happens without a command)
    Serve,
    /// Print the settings in effect, as environment variables
    Settings,
    /// Print a complete configuration for Envoy (YAML)
    EnvoyConfig {
        /// Where Envoy finds the filter
        #[arg(long, value_name = "PATH", default_value = "/etc/envoy/filter.wasm")]
        filter: OsString,
        /// enforce limits, shadow only decides and counts, off only checks the headers
        #[arg(long, value_name = "MODE", default_value = "enforce")]
        mode: OsString,
        /// Where Envoy reaches the control plane [default: the bind address]
        #[arg(long, value_name = "HOST")]
        control_plane_host: Option<OsString>,
        /// Show Envoy's statistics on this port of the bind address, at /stats/prometheus
        #[arg(long, value_name = "PORT")]
        stats_port: Option<OsString>,
    },
    /// Ask the control plane that runs with these settings whether it serves (exit code 0 or 1)
    Health,
}

impl CommandLine {
    fn check(self) -> Result<Command, UsageError> {
        match self {
            Self::Serve => Ok(Command::Serve),
            Self::Settings => Ok(Command::Settings),
            Self::Health => Ok(Command::Health),
            Self::EnvoyConfig { filter, mode, control_plane_host, stats_port } => {
                Ok(Command::EnvoyConfig(envoy_config::Options {
                    filter: read("--filter", &filter, "the path of filter.wasm, in UTF-8", path)?,
                    mode: read("--mode", &mode, "enforce, shadow or off", FilterMode::parse)?,
                    control_plane_host: control_plane_host
                        .map(|host| {
                            read(
                                "--control-plane-host",
                                &host,
                                "a host name or an IP address",
                                Host::parse,
                            )
                        })
                        .transpose()?,
                    stats_port: stats_port
                        .map(|port| {
                            read("--stats-port", &port, "a port from 1 to 65535", fixed_port)
                        })
                        .transpose()?,
                }))
            }
        }
    }
}

fn read<T>(
    option: &'static str,
    value: &OsStr,
    allowed: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, NotAllowed> {
    value.to_str().and_then(parse).ok_or_else(|| NotAllowed::option(option, value, allowed))
}

fn path(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// The settings' flags, good before and after the command.
fn flags() -> impl Iterator<Item = Arg> {
    Setting::ALL.iter().filter_map(|setting| {
        let flag = setting.flag?;
        let Setting { name, default, meaning, placeholder, .. } = setting;
        Some(
            Arg::new(*name)
                .long(flag)
                .value_name(placeholder)
                .help(format!("{meaning} [env: {name}, default: {default}]"))
                .help_heading("Settings")
                .value_parser(ValueParser::os_string())
                .allow_negative_numbers(true)
                .global(true),
        )
    })
}

fn flag_value(matches: &ArgMatches, setting: &Setting) -> Option<OsString> {
    setting.flag?;
    matches.get_one::<OsString>(setting.name).cloned()
}

fn environment_help() -> String {
    let lines = Setting::ALL.iter().filter(|setting| setting.flag.is_none()).map(|setting| {
        let default = if setting.default.is_empty() { "none" } else { setting.default };
        format!("\n  {:<28} {} [default: {default}]", setting.name, setting.meaning)
    });
    format!(
        "Settings by environment variable alone:{}\n\n\
         Every variable may be written with FLOWGUARD_ before its name, and counts before the other.",
        lines.collect::<String>()
    )
}

impl From<clap::Error> for Exit {
    fn from(error: clap::Error) -> Self {
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            return Self::Answered(format!("{}\n", error.to_string().trim_end()));
        }
        let subject = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => shown(OsStr::new(text), Echo::WithoutSecrets),
            _ => "the command line".to_owned(),
        };
        Self::Refused(UsageError::Grammar(match error.kind() {
            ErrorKind::InvalidSubcommand => {
                format!(
                    "{} is not a command: serve, settings, envoy-config or health",
                    subject(ContextKind::InvalidSubcommand)
                )
            }
            ErrorKind::UnknownArgument => {
                format!("{} is not expected", subject(ContextKind::InvalidArg))
            }
            ErrorKind::ArgumentConflict => {
                format!("{} is given twice", subject(ContextKind::InvalidArg))
            }
            ErrorKind::InvalidValue => {
                format!("{} needs a value", subject(ContextKind::InvalidArg))
            }
            kind => format!("{}: {kind}", subject(ContextKind::InvalidArg)),
        }))
    }
}
