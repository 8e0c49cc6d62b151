//! What holds for any bytes that come from outside: a module for each kind of them, whose `check`
//! panics where it does not hold.
//!
//! A fuzzer makes the bytes (`src/bin/`). A test feeds the seeds, among which is all that was found
//! once.

#![allow(clippy::missing_panics_doc, reason = "said once, above")]

pub mod document;
pub mod frames;
pub mod grpc_calls;
pub mod plugin_config;
pub mod request_headers;
pub mod rest_bodies;
pub mod state_files;
pub mod store_replies;
pub mod usage;
mod world;
