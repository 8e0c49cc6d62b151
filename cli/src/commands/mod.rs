//! The commands: each file has one's grammar, its calls, and how their answers are shown.

mod answers;
mod apply;
mod audit;
mod clients;
mod contexts;
mod decisions;
mod diff;
mod dump;
mod event_lines;
mod events;
mod explain;
mod fields;
mod history;
mod keys;
mod limits;
mod models;
mod page;
mod preview;
mod stats;
mod system;
mod tokens;

use std::path::PathBuf;

use clap::Subcommand;

pub use audit::Changes;
pub use clients::{ClientsCommand, SetClient};
pub use contexts::ContextCommand;
pub use decisions::DecisionsOf;
pub use events::Wish;
pub use keys::KeysCommand;
pub use limits::{LimitsCommand, SetLimit};
pub use models::ModelsCommand;
pub use page::Page;
pub use preview::PreviewCommand;
pub use tokens::{CreateToken, TokensCommand};

use crate::{
    failure::{Failure, Outcome},
    options::{Options, Output},
    session::Session,
    top::Look,
};

/// What a server is asked, or what is known of servers.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Clients and their own limits
    #[command(subcommand_required = true)]
    Clients {
        /// What is done with them.
        #[command(subcommand)]
        command: ClientsCommand,
        #[allow(missing_docs, reason = "a comment here would be the command's help")]
        #[command(flatten)]
        options: Options,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        output: Output,
    },
    /// Limits beside clients' own
    #[command(subcommand_required = true)]
    Limits {
        /// What is done with them.
        #[command(subcommand)]
        command: LimitsCommand,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        options: Options,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        output: Output,
    },
    /// Models, by the names that requests use
    #[command(subcommand_required = true)]
    Models {
        /// What is done with them.
        #[command(subcommand)]
        command: ModelsCommand,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        options: Options,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        output: Output,
    },
    /// Keys by which a client's requests are known
    #[command(subcommand_required = true)]
    Keys {
        /// What is done with them.
        #[command(subcommand)]
        command: KeysCommand,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        options: Options,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        output: Output,
    },
    /// Tokens by which operators and programs are known. The control plane's own grammar has this
    /// command, which can make one without a server too.
    #[command(skip)]
    Tokens {
        /// What is done with them.
        command: TokensCommand,
        /// Whom it is asked.
        options: Options,
        /// How it is shown.
        output: Output,
    },
    /// What clients used, and what they have left
    Stats {
        /// One client [default: all]
        #[arg(value_name = "CLIENT")]
        client: Option<String>,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        options: Options,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        output: Output,
    },
    /// What would be decided over a request now, and why (exit code 0: it would pass, 2: it would not)
    Explain {
        /// The client
        #[arg(value_name = "ID")]
        client: String,
        /// The tokens that it estimates [default: what a request without an estimate reserves]
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        tokens: Option<String>,
        /// The model that it names [default: other]
        #[arg(long, value_name = "MODEL")]
        model: Option<String>,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        options: Options,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        output: Output,
    },
    /// What other limits would have done to the requests of late
    #[command(subcommand_required = true)]
    Preview {
        /// What would be otherwise.
        #[command(subcommand)]
        command: PreviewCommand,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        options: Options,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        output: Output,
    },
    /// What was decided of late over a client's requests, the newest first
    Decisions {
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        of: DecisionsOf,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        options: Options,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        output: Output,
    },
    /// A client's last hour, minute by minute
    History {
        /// The client; unknown: all ids that nobody configured
        #[arg(value_name = "ID")]
        client: String,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        options: Options,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        output: Output,
    },
    /// How the control plane is, and what it is connected to
    System {
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        options: Options,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        output: Output,
    },
    /// Who changed what, the newest first
    Audit {
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        changes: Changes,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        options: Options,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        output: Output,
    },
    /// What happens, while it happens: a line an event, until Ctrl-C
    Events {
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        wish: Wish,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        options: Options,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        output: Output,
    },
    /// Put a whole configuration in force: what it does not name is deleted
    Apply {
        /// The document, in YAML or JSON; -: stdin
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Tell what would change, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Delete without asking
        #[arg(long)]
        yes: bool,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        options: Options,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        output: Output,
    },
    /// What `apply` would change, as a unified diff (exit code 0: nothing, 2: something)
    Diff {
        /// The document, in YAML or JSON; -: stdin
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        options: Options,
    },
    /// Write the whole configuration to stdout: YAML, or with -o json what the API said
    Dump {
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        options: Options,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        output: Output,
    },
    /// Watch who asks how much, what is left, and who is refused by what
    Top {
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        look: Look,
        #[allow(missing_docs, reason = "as above")]
        #[command(flatten)]
        options: Options,
    },
    /// Servers by a name of your own
    #[command(subcommand_required = true)]
    Context {
        /// What is done with them.
        #[command(subcommand)]
        command: ContextCommand,
    },
}

impl Command {
    /// Does it.
    pub(crate) async fn run(self) -> Result<Outcome, Failure> {
        match self {
            Self::Clients { command, options, output } => {
                clients::run(command, &Session::open(&options)?, output.output).await?;
            }
            Self::Limits { command, options, output } => {
                limits::run(command, &Session::open(&options)?, output.output).await?;
            }
            Self::Models { command, options, output } => {
                models::run(command, &Session::open(&options)?, output.output).await?;
            }
            Self::Keys { command, options, output } => {
                keys::run(command, &Session::open(&options)?, output.output).await?;
            }
            Self::Tokens { command, options, output } => {
                tokens::run(command, &Session::open(&options)?, output.output).await?;
            }
            Self::Stats { client, options, output } => {
                stats::run(client.as_deref(), &Session::open(&options)?, output.output).await?;
            }
            Self::Explain { client, tokens, model, options, output } => {
                let question = explain::Question { client, tokens, model };
                return explain::run(question, &Session::open(&options)?, output.output).await;
            }
            Self::Preview { command, options, output } => {
                preview::run(command, &Session::open(&options)?, output.output).await?;
            }
            Self::Decisions { of, options, output } => {
                decisions::run(of, &Session::open(&options)?, output.output).await?;
            }
            Self::History { client, options, output } => {
                history::run(&client, &Session::open(&options)?, output.output).await?;
            }
            Self::System { options, output } => {
                system::run(&Session::open(&options)?, output.output).await?;
            }
            Self::Audit { changes, options, output } => {
                audit::run(changes, &Session::open(&options)?, output.output).await?;
            }
            Self::Events { wish, options, output } => {
                events::run(wish, &Session::open(&options)?, output.output).await?;
            }
            Self::Apply { file, dry_run, yes, options, output } => {
                let how = apply::How { dry_run, yes, format: output.output };
                apply::run(&file, how, &Session::open(&options)?).await?;
            }
            Self::Diff { file, options } => {
                return diff::run(&file, &Session::open(&options)?).await;
            }
            Self::Dump { options, output } => {
                dump::run(&Session::open(&options)?, output.output).await?;
            }
            Self::Top { look, options } => {
                crate::top::run(look, &Session::open(&options)?).await?;
            }
            Self::Context { command } => contexts::run(command)?,
        }
        Ok(Outcome::Done)
    }
}
