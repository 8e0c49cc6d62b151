//! Clients, models and limits that stand in a file (`CONFIG_FILE`): read whole, judged whole, put in
//! force as one, and looked at again every second.
//!
//! What the file says is judged by the operator's own rules. What is wrong with it is told with the
//! line and the column, all at once, and never replaces what is in force.

mod error;
mod file;
mod metrics;
mod watch;

pub use error::{InvalidFile, ReadError};
pub use file::Loaded;
pub use metrics::FileMetrics;
pub use watch::Watch;

pub use crate::document::{BYTES_MAX, Document, DocumentError, DocumentErrors, Place};
