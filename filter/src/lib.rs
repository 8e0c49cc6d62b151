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
mod exempt;
mod grpc_service;
mod header_value;
mod headers;
#[cfg(any(target_arch = "wasm32", feature = "lint-host"))]
mod host;
mod rate_limit_headers;
mod reply;
mod request_kind;
mod request_line;
mod standing;
mod usage;
mod worker;

pub use clock::{Clock, Micros};
pub use config::{AcceptEncoding, Config, Estimate, FailureMode, InvalidConfig, Mode};
pub use counters::{Cause, Counter, DECISION_WAIT, Outcome, StreamState};
pub use exempt::{EXEMPT_PATH_BYTES_MAX, EXEMPT_PATHS_MAX, Exemptions, InvalidExemption};
pub use header_value::{AsciiHeaderValue, HEADER_VALUE_BYTES_MAX, HeaderValue};
pub use headers::{HeaderMap, InvalidHeaders, RequestHeaders};
pub use rate_limit_headers::{RateLimitHeaders, ResponseEdit, UpstreamRateLimitHeaders};
pub use reply::{Denial, ErrorFormat, ErrorFormatSetting, Refused, Replies, Reply};
pub use request_kind::RequestKind;
pub use standing::{Balance, Standing};
pub use usage::{Body, Usage, UsageReader, UsageSource};
pub use worker::{Host, Next, Pace, RequestId, ResponseBody, StreamToken, Worker};
