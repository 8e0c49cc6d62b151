//! The gRPC API: section 4 of docs/contract.md, with server reflection and health.

mod arriving;
mod audit;
mod convert;
mod credentials;
mod document;
mod explain;
mod list;
mod one_message;
mod past;
mod preview;
mod rules;
mod server;
mod service;
mod system;
mod work;

pub use server::{Calls, ServeError, calls, serve};
