//! FlowGuard's filter: it runs in each worker of Envoy, checks a request's two headers and asks
//! the control plane over one decision stream.
//!
//! Bytes come from anybody: nothing here can panic. `envoy` is the only module that knows
//! proxy-wasm; everything else is a state machine over the trait `Host` and is tested natively.
//! What is public is public for the fuzzers and for simulations.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]
#![cfg_attr(
    not(any(target_arch = "wasm32", feature = "lint-host")),
    allow(dead_code, reason = "all of it is for `envoy`, which is compiled for wasm alone")
)]

mod access_log;
mod clock;
mod config;
#[cfg(any(target_arch = "wasm32", feature = "lint-host"))]
mod envoy;
mod exempt;
mod grpc_service;
mod header_map;
mod header_value;
mod host;
mod identity;
mod model;
mod rate_limit_headers;
mod reply;
mod request_headers;
mod request_kind;
mod request_line;
mod stats;
mod usage;
mod verdict;
mod worker;

/// For simulations: a worker, and all that it takes to drive it by a host of one's own. What it
/// sends and is sent are the frames of `decision.proto`; time is what its host says it is.
pub mod simulation {
    pub use crate::{
        config::{Config, InvalidConfig},
        header_map::HeaderMap,
        header_value::{AsciiHeaderValue, HeaderValue},
        host::{Host, Next, Pace, RequestId, ResponseBody, StreamToken, TICK_MS},
        rate_limit_headers::ResponseEdit,
        reply::Reply,
        stats::Stat,
        worker::Worker,
    };
}

pub use config::{Config, InvalidConfig};
pub use exempt::Exemptions;
pub use header_map::HeaderMap;
pub use identity::{Identity, Unidentified, Who};
pub use model::ModelSources;
pub use request_headers::{InvalidHeaders, RequestHeaders};
pub use request_kind::RequestKind;
pub use usage::{Api, Framing, Usage, UsageReader};
