//! The command line of FlowGuard as a client of its public REST API: it knows that API
//! (docs/contract.md) and nothing of the control plane's insides.
//!
//! Data is on stdout, words are on stderr, and how it ended is the exit code (`failure.rs`).
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod body;
mod call;
mod commands;
mod confirm;
mod connection;
mod context;
mod document;
mod failure;
mod input;
mod json;
mod message;
mod options;
mod output;
mod own_file;
mod run;
mod secret;
mod server_sent;
mod server_url;
mod session;
mod table;
mod token;
pub mod top;
mod unified;

pub use commands::{
    Changes, ClientsCommand, Command, ContextCommand, CreateToken, DecisionsOf, KeysCommand,
    LimitsCommand, ModelsCommand, Page, PreviewCommand, SetClient, SetLimit, TokensCommand, Wish,
};
pub use connection::{Connection, ConnectionError};
pub use options::{Format, Options, Output};
pub use run::run;
