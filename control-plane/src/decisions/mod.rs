//! The decision stream: Envoy's workers ask here, one bidirectional gRPC stream each.
//!
//! A frame comes in by [`frame`], parsed whole; the [`Session`] has the ledger decide and end; a
//! [`verdict`] goes out.

mod frame;
mod held;
mod log_budget;
mod metrics;
mod server;
mod session;
mod stream;
mod thread;
mod verdict;

pub use frame::{ASKS_MAX, REPORTS_MAX};
pub use held::HeldInAll;
pub use metrics::StreamMetrics;
pub use server::serve;
pub use session::Session;
pub use thread::{ServeError, serve_on_own_thread};
