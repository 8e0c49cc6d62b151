//! The page that Prometheus reads: section 5 of docs/contract.md, and what this process tells
//! of itself.

mod clients;
mod limits;
mod page;
mod text;

pub use page::{registry, router};
