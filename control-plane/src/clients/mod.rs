//! Who has which limits: what an operator configured, and nothing of what was spent.

mod catalog;
mod config;

pub(crate) use catalog::{Catalog, Client};
pub use config::{ClientConfig, Limits};
