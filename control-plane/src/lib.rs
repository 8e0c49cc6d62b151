//! FlowGuard's control plane: it holds the authoritative token buckets.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod admin;
pub mod cli;
pub mod clients;
pub mod decisions;
pub mod envoy_config;
pub mod grpc;
pub mod health;
pub mod health_check;
pub mod http_server;
pub mod ledger;
pub mod listener;
pub mod logging;
pub mod metrics;
mod pieces;
pub mod rest;
pub mod serve;
pub mod settings;
pub mod store;
