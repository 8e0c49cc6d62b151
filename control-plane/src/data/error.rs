//! Why something was not done with a folder or a backup.

use std::{io, path::PathBuf};

use super::{InvalidBackup, OutputError, backup::BackupError};
use crate::{
    config_file::InvalidFile,
    excerpt::path_in_one_line,
    operator::OperatorError,
    store::{OpenError, StoreError, shared::SpaceError, state::StateError},
};

/// Why it was not done; all is left as it was.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The folder cannot be used, or its configuration not be read.
    #[error(transparent)]
    Folder(#[from] OpenError),
    /// Its balances cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// The file of clients is not in order.
    #[error(transparent)]
    ConfigFile(#[from] InvalidFile),
    /// What the folder has and what the file of clients has cannot be configured together.
    #[error("the folder and CONFIG_FILE (--config-file) do not go together: {0}")]
    Rules(#[from] OperatorError),
    /// The store that is shared is not as it has to be.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// Its configuration cannot be read.
    #[error("STORE_URL (--store-url) cannot be used: {0}")]
    Configuration(StoreError),
    /// A backup is not in order.
    #[error(transparent)]
    Invalid(#[from] InvalidBackup),
    /// A backup cannot be read.
    #[error("{} cannot be read: {error}", path_in_one_line(file))]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The operating system's answer.
        error: io::Error,
    },
    /// A backup cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A running control plane does not hand it out.
    #[error(transparent)]
    Backup(#[from] BackupError),
}
