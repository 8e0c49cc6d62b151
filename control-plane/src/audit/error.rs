//! Why something cannot be written down.

use std::{io, path::PathBuf};

use crate::excerpt::path_in_one_line;

/// The audit cannot be written, or not be read at the start.
#[derive(Debug, thiserror::Error)]
#[error("AUDIT_FILE={}: {error}", path_in_one_line(path))]
pub struct AuditError {
    /// The file.
    pub path: PathBuf,
    /// The operating system's answer.
    #[source]
    pub error: io::Error,
}
