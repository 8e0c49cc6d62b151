//! FlowGuard's filter: it runs in each worker of Envoy, checks a request's two headers and asks
//! the control plane over one decision stream.
//!
//! Bytes come from anybody: nothing here can panic. `host` is the only module that knows
//! proxy-wasm; everything else is a state machine over the [`Host`] trait and is tested natively.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod clock;
mod config;
mod counters;
mod grpc_service;
mod headers;
#[cfg(any(target_arch = "wasm32", feature = "lint-host"))]
mod host;
mod reply;
mod worker;

pub use clock::{Clock, Micros};
pub use config::{Config, FailureMode, InvalidConfig, Mode};
pub use counters::{Cause, Counter, DECISION_WAIT, Outcome, StreamState};
pub use headers::{HeaderMap, InvalidHeaders, RequestHeaders};
pub use reply::Reply;
pub use worker::{Host, Next, Pace, RequestId, StreamToken, Worker};
