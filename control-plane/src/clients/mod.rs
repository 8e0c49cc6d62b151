//! Who has which limits, and from which write: what an operator configured, and nothing of what was
//! spent.

mod catalog;
mod config;
mod revision;

pub(crate) use catalog::{CLIENTS_AT_A_TIME, Catalog, Client};
pub use config::{ClientConfig, Limits};
pub use revision::Revision;
