//! Who may call: the lock on every port.
//!
//! `policy.rs` is *what each call requires*, one table for REST, metrics, gRPC and the decision
//! stream: a call that does not stand there is not answered. A [`Lock`] stands before a port's calls
//! (`http_layer.rs`, `grpc_layer.rs`), asks an [`Authenticator`] who shows what, and refuses before a
//! byte of a call's body is read.

mod authenticator;
mod bearer;
mod config;
mod followed;
mod grpc_layer;
mod http_layer;
mod issuer;
mod lock;
mod metrics;
mod pass;
mod policy;
mod principal;
mod refusal;
mod start;
mod stay;
mod token_file;

pub use authenticator::{Authenticator, CredentialFiles};
pub use config::{AuthMode, Config};
pub use followed::CredentialFileError;
pub(crate) use grpc_layer::GrpcLayer;
pub use issuer::{Issuer, IssuerConfig};
pub(crate) use lock::LetIn;
pub use lock::{Lock, PortName};
pub use metrics::AuthMetrics;
use pass::Pass;
pub use policy::{Requirement, methods, routes};
pub use principal::Principal;
pub(crate) use refusal::Refusal;
pub use start::{NoCredentials, Side};
pub(crate) use stay::Stay;
pub use token_file::TokenFile;
