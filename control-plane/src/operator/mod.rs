//! What an operator may do, once: every API calls these same functions, and only translates.
//!
//! Each call says who calls. A write is stored first, then put in force, then acknowledged.

mod backup;
mod caller;
mod calls;
mod change;
mod draft;
mod error;
mod field_error;
mod given;
pub mod grpc;
mod judge;
mod limit_draft;
mod model_draft;
mod owned;
pub mod rest;
pub mod start;
mod stats;
mod writer;

pub use caller::Caller;
pub use calls::{CLIENTS_MAX, Operator};
pub use change::{Change, Removal, Write};
pub use draft::Draft;
pub use error::{ErrorRow, OperatorError};
pub use field_error::{Allowed, FieldError, FieldErrors, Fields};
pub use given::Given;
pub use limit_draft::{LimitDraft, MatchDraft};
pub use model_draft::ModelDraft;
pub use owned::FileChange;
pub use stats::ClientStats;
