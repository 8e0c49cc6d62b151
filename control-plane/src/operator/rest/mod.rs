//! The REST API: section 3 of docs/contract.md.

mod body;
mod clients;
mod draft;
mod error;
mod from_json;
mod head;
mod list;
mod router;
mod shapes;

pub(crate) use draft::read_draft;
pub use router::router;
