//! The decision stream: Envoy's workers ask here, one bidirectional gRPC stream each.
//!
//! A frame comes in and is parsed whole (`frame.rs`), a [`Session`] has the ledger end and decide
//! what it says, and verdicts go out (`verdict.rs`).

mod callers;
mod filters;
mod frame;
mod greeting;
mod health;
mod metrics;
mod refusals;
mod seats;
mod server;
mod session;
mod shared;
mod stream;
mod stream_end;
mod thread;
mod unread;
mod upstream;
mod verdict;
mod vouched;

pub use greeting::Greeting;
pub use metrics::StreamMetrics;
pub use server::serve;
pub use session::Session;
pub use thread::{ServeError, serve_on_own_thread};
