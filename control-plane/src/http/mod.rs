//! The HTTP/1.1 server under REST and the metrics page: whom it answers, in which pieces, and what
//! its errors look like. What it serves are others' routers. `client.rs` is who calls such a server.

mod access;
mod client;
mod error;
mod hardening;
mod hosts;
mod origins;
pub(crate) mod pieces;
mod server;
mod work;

pub use access::Access;
pub use client::Server;
pub(crate) use error::{ApiError, ErrorCode, fallback, method_not_allowed};
pub use hosts::AllowedHosts;
pub use origins::{CorsOrigins, Origin};
pub use server::{serve, serve_health};
pub(crate) use work::{ArrivingBody, Work};
