//! The REST API: section 3 of docs/contract.md.

mod body;
mod clients;
mod draft;
mod error;
mod head;
mod list;
mod notation;
mod router;
mod shapes;

pub use router::router;
