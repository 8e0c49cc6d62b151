//! TLS on every port: the certificate that the ports show, the authorities of those that callers
//! show, and how both are taken from files again when these change (ADR 32).
//!
//! The files are judged together. What is wrong never replaces what is right: a handshake finds the
//! pair that was whole last.

mod acceptor;
mod config;
mod error;
mod files;
mod in_force;
mod metrics;
mod pinned;
mod ports;
mod shown;
mod subject;
mod watch;

pub use acceptor::{Acceptor, HandshakeError};
pub use config::Config;
pub use error::TlsFileError;
pub use in_force::Protocol;
pub use metrics::TlsMetrics;
pub(crate) use pinned::Connector;
pub use ports::Tls;
pub use shown::{NoLongerVouched, Shown};
pub use subject::Subject;
pub use watch::Watch;
