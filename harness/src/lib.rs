//! Runs a whole FlowGuard, of real parts and on free ports, for one test: a [`TestStack`].
//!
//! Everything here is for tests, so it panics where it can't go on, and says with what. Nothing
//! sleeps to wait for a state: [`deadline`] polls for it. The parts end with the stack, also when a
//! test panics; then the ends of their logs are printed.

#![allow(clippy::missing_panics_doc, reason = "said once, above")]

pub mod access_log;
pub mod admin;
pub mod browser;
pub mod check;
pub mod control_plane;
pub mod deadline;
pub mod discovery;
pub mod envoy;
pub mod events;
pub mod grpc;
pub mod http_client;
pub mod load;
pub mod metrics;
pub mod pki;
pub mod ports;
pub mod process;
pub mod prometheus;
pub mod random;
pub mod raw_client;
pub mod redis;
pub mod redis_pair;
pub mod relay;
pub mod secrets;
pub mod stack;
pub mod tls;
pub mod tls_tunnel;
pub mod tools;
pub mod yaml_block;

pub use stack::TestStack;
