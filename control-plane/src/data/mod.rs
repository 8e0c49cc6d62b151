//! What can be done with a folder, a store or a running control plane that has clients and balances:
//! tell what is in it, write it down as a backup, and fill a folder or a store with a backup.

mod backup;
mod check;
mod credential_lines;
mod error;
mod export;
mod found;
mod found_shared;
mod import;
mod invalid;
mod move_in;
mod output;
mod read;
mod rule_lines;

pub use backup::{BackupError, backup};
pub use check::{check, check_shared};
pub use error::DataError;
pub use export::{export, export_shared};
pub use import::{Source, import};
pub use invalid::InvalidBackup;
pub use move_in::import_shared;
pub use output::{Destination, OutputError};
pub use read::{Restored, read};

use std::path::PathBuf;

/// Where a control plane that is started has its clients and balances from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The folder.
    pub folder: PathBuf,
    /// The file of clients, which the folder has not.
    pub config_file: Option<PathBuf>,
}
