//! The process: from its command line and its environment to its exit code.

mod cli;
mod data;
mod envoy_config;
mod envoy_files;
mod exit;
mod health_check;
mod keeper;
mod kept;
mod listeners;
mod locks;
mod refused_line;
mod run;
mod serve;
mod servers;
mod shown_token;
mod stop_signal;
mod store_files;
mod store_found;
mod store_sweep;
mod store_watch;
mod surroundings;
mod tokens;
mod usage_error;
mod validate;

pub use cli::{Command, Invocation};
pub use data::DataCommand;
pub use envoy_config::{EnvoyConfigError, EnvoyConfigOptions, generate as envoy_config};
pub use envoy_files::EnvoyFilesError;
pub use exit::Exit;
pub use run::run;
pub use usage_error::UsageError;
