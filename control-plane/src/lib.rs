//! FlowGuard's control plane: it holds the authoritative token buckets.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod audit;
pub mod auth;
pub mod backup;
mod bounded_file;
pub mod clients;
pub mod config_file;
mod counted;
pub mod credentials;
pub mod data;
pub mod decisions;
pub mod document;
pub mod drafts;
pub mod envoy_config;
pub mod events;
pub mod excerpt;
pub mod health;
pub mod host;
pub mod http;
pub mod ledger;
pub mod limits;
pub mod listener;
mod log_budget;
pub mod logging;
pub mod metrics;
pub mod operator;
pub mod process;
mod rfc3339;
pub mod settings;
mod settling;
pub mod store;
pub mod tls;
mod turns;
