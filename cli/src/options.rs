//! The flags that all commands have which ask a server, and how the answer is shown.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Which server is asked, and how it is known who asks.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Server")]
pub struct Options {
    /// Where the REST API is.
    #[arg(
        long,
        value_name = "URL",
        global = true,
        help = "The REST API, as in https://flowguard.example:9091 [env: FLOWGUARD_SERVER, then the context, default: http://localhost:9091]"
    )]
    pub server: Option<String>,
    /// The file of the token that it is shown [env: `FLOWGUARD_TOKEN_FILE`, then the context]
    #[arg(long, value_name = "PATH", global = true)]
    pub token_file: Option<PathBuf>,
    /// The authorities of its certificate, in PEM [default: the context's, then the system's]
    #[arg(long, value_name = "PATH", global = true)]
    pub ca_file: Option<PathBuf>,
    /// A server of `flowguard context` [default: the one in use]
    #[arg(long, value_name = "NAME", global = true, conflicts_with = "server")]
    pub context: Option<String>,
}

/// How an answer is shown.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// How the answer is shown: table, json (what the API said, byte for byte), yaml, or name (the names
    /// alone, one a line)
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        value_enum,
        default_value_t,
        hide_possible_values = true,
        global = true
    )]
    pub output: Format,
}

/// A form of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Table,
    /// What the API said, byte for byte
    Json,
    /// The same in YAML
    Yaml,
    /// The names alone, one a line
    Name,
}
