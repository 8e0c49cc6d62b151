//! The HTTP/1.1 server under REST and the metrics page: whom it answers, in which pieces, and what
//! its errors look like. What it serves are others' routers. `client.rs` is who calls such a server.

mod access;
mod client;
mod error;
mod hardening;
mod hosts;
mod origins;
pub(crate) mod pieces;
mod problem;
mod server;
mod weight;
mod work;

pub use access::Access;
pub use client::Server;
pub(crate) use error::{ApiError, ErrorCode, JSON, fallback, method_not_allowed};
pub use hosts::AllowedHosts;
pub use origins::{CorsOrigins, Origin};
pub(crate) use problem::PROBLEM_JSON;
pub use server::{LIMITS_WITH_EVENTS, serve, serve_health, serve_with_events, serve_within};
pub(crate) use weight::weight;
pub(crate) use work::{ArrivingBody, Work};
