//! The REST API: section 3 of docs/contract.md.

mod body;
mod clients;
mod credential_draft;
mod credentials;
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

pub(crate) use draft::{read_draft, read_key, read_limit, read_model, read_token};
pub use router::router;
