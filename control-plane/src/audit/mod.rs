//! Who changed what: written down before it is done, so that nothing is changed that is not.
//!
//! A line says what is about to be stored, with the revision that it gets. Where the store then fails,
//! a second line of the same id says so. A store that several share keeps an entry of each write besides,
//! in the same step as the write. What was refused to somebody stands in a file of its own, which a
//! stranger can fill with a line a second at most.

mod entry;
mod error;
mod file;
mod log;
mod recent;
mod refusal;
mod refusals;
mod request_id;
mod stored;

pub use entry::{Action, Actor, ActorKind, Change, Entry, Object, Outcome};
pub use error::AuditError;
pub use log::{Audit, AuditFiles};
pub use recent::{Filter, Page, RECENT_MAX};
pub use refusal::Refusal;
pub use refusals::RefusalLine;
pub use request_id::RequestId;
pub use stored::STORED_BYTES_MAX;
