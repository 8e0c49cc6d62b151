//! What an operator can do, once: the REST and the gRPC API call these same functions.

mod caller;
mod calls;
mod draft;
mod field_error;
pub mod grpc;
pub mod rest;
mod stats;
mod stored;

pub use caller::Caller;
pub use calls::{CLIENTS_MAX, Operator, OperatorError};
pub use draft::Draft;
pub use field_error::{FieldError, FieldErrors, Shown};
pub use stats::ClientStats;
pub use stored::{Stored, Write};
