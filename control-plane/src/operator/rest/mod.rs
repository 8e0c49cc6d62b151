//! The REST API: section 3 of docs/contract.md.

mod body;
mod clients;
mod document;
mod draft;
mod error;
mod from_json;
mod head;
mod limits;
mod list;
mod object;
mod query;
mod router;
mod shapes;

pub(crate) use draft::{read_draft, read_limit, read_model};
pub use router::router;
