//! The gRPC API: section 4 of docs/contract.md, with server reflection and health.

mod convert;
mod credentials;
mod document;
mod list;
mod one_message;
mod rules;
mod server;
mod service;
mod work;

pub use server::{Calls, ServeError, calls, serve};
