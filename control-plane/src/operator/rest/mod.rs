//! The REST API: section 3 of docs/contract.md.

mod audit;
mod body;
mod bucket_of;
mod clients;
mod console;
mod credential_draft;
mod credentials;
mod describe;
mod docs;
mod document;
mod draft;
mod error;
mod events;
mod explain;
mod from_json;
mod head;
mod limits;
mod list;
mod object;
mod page;
mod past;
mod preview;
mod query;
mod router;
mod shapes;
mod system;

pub(crate) use draft::{read_draft, read_key, read_limit, read_model, read_token};
pub use router::router;
