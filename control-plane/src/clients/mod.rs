//! Who has which limits, and from which write: what an operator configured, and nothing of what was
//! spent.

mod catalog;
mod config;
mod identity;
mod json;
mod revision;
mod span;

pub(crate) use catalog::{CLIENTS_AT_A_TIME, Catalog, Client};
pub use config::{CLIENTS_MAX, ClientConfig, Limits};
pub use identity::{IDENTITIES_MAX, IDENTITY_BYTES_MAX, Identities, Identity, InvalidIdentity};
pub(crate) use json::{ClientEntryJson, ClientJson};
pub use revision::Revision;
pub use span::Span;
