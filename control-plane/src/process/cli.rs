//! The command line of the binary `flowguard`.
//!
//! clap knows the grammar: which commands and flags there are. What a value means is the
//! settings' business, because a value given by an environment variable must be read, and
//! refused, in the same way.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use clap::{
    Arg, ArgAction, ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand,
    builder::ValueParser,
};
use clap_complete::Shell;
use flowguard_cli::{CreateToken, Options, Output, TokensCommand};

use super::{
    data::DataCommand, envoy_config::EnvoyConfigOptions, exit::Exit, refused_line,
    usage_error::UsageError,
};
use crate::{
    credentials::UnixSeconds,
    data::{Destination, Source},
    drafts::{Given, TokenDraft},
    excerpt::Excerpt,
    settings::{
        GivenText, NonEmpty, NotAllowed, Notation, Plain, Setting, Settings, SettingsError, Times,
        Variables, WithoutEffect,
    },
};

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
    EnvoyConfig(EnvoyConfigOptions),
    /// Ask the running control plane whether it serves.
    Health,
    /// Judge a file of clients.
    Validate(PathBuf),
    /// Do something with clients and balances besides serving them.
    Data(DataCommand),
    /// Make a token while no control plane runs.
    CreateToken(TokenDraft),
    /// Ask a server, by its public API alone.
    Client(Box<flowguard_cli::Command>),
    /// Print what a shell completes commands and flags by.
    Completions(Shell),
}

impl Command {
    /// Whether it is done with settings of a control plane.
    fn has_settings(&self) -> bool {
        !matches!(self, Self::Client(_) | Self::Completions(_))
    }
}

impl Invocation {
    /// Reads the process's arguments and environment.
    pub fn from_process() -> Result<Self, Exit> {
        Self::parse(env::args_os(), env::vars_os())
    }

    /// Reads `arguments`, the first of which is the program's name, and for what they leave
    /// open the environment: the names of its variables and their values.
    pub fn parse(
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, Exit> {
        let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
        let grammar = grammar();
        let refused = |error| refused_line::exit(&grammar, &error, &arguments);
        let matches = grammar.clone().try_get_matches_from(&arguments).map_err(refused)?;
        let line = Cli::from_arg_matches(&matches).map_err(refused)?;
        let variables = Variables::new(environment);
        let command = line.command.unwrap_or(CommandLine::Serve).check(&variables)?;
        if !command.has_settings() {
            return match given_flag(&matches) {
                Some(flag) => {
                    Err(UsageError::NoSettings { flag, command: command_of(&matches) }.into())
                }
                None => Ok(Self { command, settings: Settings::default(), warnings: Vec::new() }),
            };
        }
        let warnings = variables.check().map_err(SettingsError::from).map_err(UsageError::from)?;
        let settings = Settings::resolve(|setting| {
            flag_value(&matches, setting).map(GivenText::from).or_else(|| variables.given(setting))
        });
        Ok(Self { command, settings: settings.map_err(UsageError::from)?, warnings })
    }
}

/// FlowGuard limits requests and tokens per minute in front of LLM APIs.
///
/// This is its control plane, which Envoy's filter asks for every request, and the command line of its
/// operators, which asks a control plane.
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
        /// Where Envoy reaches the control plane [default: the bind address]
        #[arg(long, value_name = "HOST")]
        control_plane_host: Option<OsString>,
        /// Show Envoy's statistics on this port of the bind address, at /stats/prometheus
        #[arg(long, value_name = "PORT")]
        stats_port: Option<OsString>,
        /// The file of the token that Envoy shows to the control plane, as Envoy finds it
        #[arg(long, value_name = "PATH")]
        decide_token_file: Option<OsString>,
        /// Write it into this folder instead, as files that Envoy follows while it runs: envoy.yaml,
        /// with which it is started, filter.yaml, listeners.yaml and clusters.yaml
        #[arg(long, value_name = "DIR")]
        discovery_folder: Option<PathBuf>,
        /// Let whoever reaches Envoy's admin port drain it, as a pod's preStop hook does
        #[arg(long)]
        drain: bool,
    },
    /// Ask the control plane that runs with these settings whether it serves (exit code 0 or 1)
    Health,
    /// Tell everything that is wrong with a file of clients (exit code 0 or 65)
    Validate {
        /// The file, in YAML or JSON
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Look into the folder of a control plane, back it up and restore it
    #[command(subcommand_required = true)]
    Data {
        #[command(subcommand)]
        command: DataCommandLine,
    },
    /// Tokens by which operators and programs are known
    #[command(subcommand_required = true)]
    Tokens {
        #[command(subcommand)]
        command: TokensCommandLine,
        #[command(flatten)]
        options: Options,
        #[command(flatten)]
        output: Output,
    },
    /// Print what a shell completes commands and flags by
    Completions {
        /// For which
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    #[command(flatten)]
    Client(flowguard_cli::Command),
}

/// What is done with tokens.
#[derive(Subcommand)]
enum TokensCommandLine {
    /// Make one, and print it: nobody is shown it again
    Create {
        /// In the folder or the store of the settings, without asking a control plane; none may have the
        /// folder
        #[arg(long)]
        local: bool,
        #[command(flatten)]
        token: CreateToken,
    },
    #[command(flatten)]
    Asked(TokensCommand),
}

impl TokensCommandLine {
    fn check(self, options: Options, output: Output) -> Result<Command, UsageError> {
        let command = match self {
            Self::Create { local: true, token } => {
                if options == Options::default() {
                    return Ok(Command::CreateToken(draft(token)));
                }
                let told = "tokens create --local asks no server: leave --server, --token-file, \
                            --ca-file and --context out";
                let command = "flowguard tokens create".to_owned();
                return Err(UsageError::Grammar { told: told.to_owned(), command });
            }
            Self::Create { local: false, token } => TokensCommand::Create(token),
            Self::Asked(command) => command,
        };
        let command = flowguard_cli::Command::Tokens { command, options, output };
        Ok(Command::Client(Box::new(command)))
    }
}

/// What is asked for, to be judged when it is known what time it is.
fn draft(token: CreateToken) -> TokenDraft {
    let CreateToken { name, scopes, expires_at } = token;
    let scopes = scopes.split(',').map(|word| Given::Value(word.trim().to_owned()));
    let expires_at = expires_at.map_or(Given::Absent, |text| {
        UnixSeconds::parse(&text)
            .map_or_else(|| Given::Wrong(Excerpt::quoted(&text)), |at| Given::Value(Some(at)))
    });
    TokenDraft {
        name: Given::Value(name),
        scopes: Given::Value(scopes.collect()),
        expires_at,
        ..TokenDraft::default()
    }
}

/// What is done with clients and balances.
#[derive(Subcommand)]
enum DataCommandLine {
    /// Read all that is in the folder of a stopped control plane, and tell what it is
    Check,
    /// Write a backup of the folder of a stopped control plane
    Export {
        /// The file, which must not be there yet; - or nothing: stdout
        #[arg(value_name = "FILE", default_value = STANDARD_STREAM, hide_default_value = true)]
        file: PathBuf,
    },
    /// Make a folder, which must be empty or not be there, of a backup
    Import {
        /// The file; -: stdin
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Fetch a backup of the control plane that runs with these settings
    Backup {
        /// The file, which must not be there yet; -: stdout
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The file of a token that the control plane is shown, else that of `FLOWGUARD_TOKEN_FILE`
        #[arg(long, value_name = "PATH")]
        token_file: Option<PathBuf>,
    },
}

/// What stands for stdin or stdout where a file is expected.
const STANDARD_STREAM: &str = "-";

impl DataCommandLine {
    fn check(self, variables: &Variables) -> DataCommand {
        let destination = |file: PathBuf| match file.to_str() {
            Some(STANDARD_STREAM) => Destination::Stdout,
            _ => Destination::File(file),
        };
        match self {
            Self::Check => DataCommand::Check,
            Self::Export { file } => DataCommand::Export(destination(file)),
            Self::Import { file } if file.to_str() == Some(STANDARD_STREAM) => {
                DataCommand::Import(Source::Stdin)
            }
            Self::Import { file } => DataCommand::Import(Source::File(file)),
            Self::Backup { file, token_file } => DataCommand::Backup {
                destination: destination(file),
                token_file: token_file.or_else(|| variables.token_file()),
            },
        }
    }
}

impl CommandLine {
    fn check(self, variables: &Variables) -> Result<Command, UsageError> {
        match self {
            Self::Serve => Ok(Command::Serve),
            Self::Settings => Ok(Command::Settings),
            Self::Health => Ok(Command::Health),
            Self::Validate { file } => Ok(Command::Validate(file)),
            Self::Data { command } => Ok(Command::Data(command.check(variables))),
            Self::Tokens { command, options, output } => command.check(options, output),
            Self::Completions { shell } => Ok(Command::Completions(shell)),
            Self::Client(command) => Ok(Command::Client(Box::new(command))),
            Self::EnvoyConfig {
                filter,
                control_plane_host,
                stats_port,
                decide_token_file,
                discovery_folder,
                drain,
            } => {
                let path = NonEmpty("the path of filter.wasm, in UTF-8");
                Ok(Command::EnvoyConfig(EnvoyConfigOptions {
                    filter: read("--filter", &filter, &path)?,
                    control_plane_host: control_plane_host
                        .map(|host| read("--control-plane-host", &host, &Plain))
                        .transpose()?,
                    stats_port: stats_port
                        .map(|port| read("--stats-port", &port, &Plain))
                        .transpose()?,
                    decide_token_file: decide_token_file
                        .map(|file| {
                            let path = NonEmpty("the path of a file with a token, in UTF-8");
                            read("--decide-token-file", &file, &path)
                        })
                        .transpose()?,
                    discovery_folder,
                    drain,
                }))
            }
        }
    }
}

fn read<T>(
    option: &'static str,
    value: &OsStr,
    notation: &impl Notation<T>,
) -> Result<T, NotAllowed> {
    let read = value.to_str().and_then(|text| notation.parse(text));
    read.ok_or_else(|| NotAllowed::option(option, value, notation.allowed()))
}

/// Commands that are done with the settings of a control plane.
const WITH_SETTINGS: [&str; 7] =
    ["serve", "settings", "envoy-config", "health", "validate", "data", "tokens"];

/// All that can be typed. Settings' flags are good before the command and after it.
fn grammar() -> clap::Command {
    Cli::command().args(flags()).after_help(environment_help()).mut_subcommands(|command| {
        if WITH_SETTINGS.contains(&command.get_name()) { with_flags(command) } else { command }
    })
}

fn with_flags(command: clap::Command) -> clap::Command {
    if command.get_name() != "tokens" {
        return command.args(flags()).mut_subcommands(with_flags);
    }
    let hidden = || flags().map(|flag| flag.hide(true));
    command.args(hidden()).mut_subcommands(|command| match command.get_name() {
        // Of these it alone can be done without a server, and seldom is.
        "create" => command.args(hidden()).after_help(
            "With --local the settings of a control plane are taken too, --data-dir or --store-url \
             before all: flowguard --help has them.",
        ),
        _ => command,
    })
}

/// What this shell completes commands and flags by.
pub(super) fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut grammar(), "flowguard", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The settings' flags.
fn flags() -> impl Iterator<Item = Arg> {
    let defaults = Settings::default();
    Setting::all().filter_map(move |setting| {
        let flag = setting.flag?;
        let default = setting.show(&defaults).filter(|default| !default.is_empty());
        let default = default.as_deref().unwrap_or("none");
        let Setting { name, meaning, .. } = setting;
        Some(
            Arg::new(*name)
                .long(flag.name)
                .value_name(flag.placeholder)
                .help(format!("{meaning} [env: {name}, default: {default}]"))
                .help_heading("Settings")
                .value_parser(ValueParser::os_string())
                .action(match flag.times {
                    Times::Once => ArgAction::Set,
                    Times::Repeatedly => ArgAction::Append,
                })
                .allow_negative_numbers(true),
        )
    })
}

/// The value behind the last command that has the flag.
fn flag_value(matches: &ArgMatches, setting: &Setting) -> Option<OsString> {
    setting.flag?;
    let deeper = matches.subcommand().and_then(|(_, matches)| flag_value(matches, setting));
    deeper.or_else(|| {
        // Not every command has them.
        let values = matches.try_get_many::<OsString>(setting.name).ok().flatten()?;
        let given: Vec<_> = values.map(OsString::as_os_str).collect();
        Some(given.join(OsStr::new(",")))
    })
}

/// A setting's flag that is given.
fn given_flag(matches: &ArgMatches) -> Option<&'static str> {
    let given = Setting::all().find(|setting| flag_value(matches, setting).is_some());
    given.and_then(|setting| setting.flag).map(|flag| flag.name)
}

/// The command that was typed.
fn command_of(matches: &ArgMatches) -> String {
    let mut command = "flowguard".to_owned();
    let mut deeper = matches.subcommand();
    while let Some((name, matches)) = deeper {
        command = format!("{command} {name}");
        deeper = matches.subcommand();
    }
    command
}

fn environment_help() -> String {
    let defaults = Settings::default();
    let lines = Setting::all().filter(|setting| setting.flag.is_none()).map(|setting| {
        let default = setting.show(&defaults).filter(|default| !default.is_empty());
        let default = default.as_deref().unwrap_or("none");
        format!("\n  {:<28} {} [default: {default}]", setting.name, setting.meaning)
    });
    format!(
        "Settings by environment variable alone:{}\n\n\
         Every variable may be written with FLOWGUARD_ before its name, and counts before the other.",
        lines.collect::<String>()
    )
}
