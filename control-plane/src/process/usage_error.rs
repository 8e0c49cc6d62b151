//! What is wrong with a command line, or with the environment behind it.

use crate::settings::{NotAllowed, SettingsError};

/// A command line or a setting that is wrong; shown in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// A setting.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A command's option.
    #[error(transparent)]
    Option(#[from] NotAllowed),
    /// A setting's flag, where a server is asked that has its own.
    #[error(
        "--{flag} is a setting of a control plane, and this command asks one that has its own: --server \
         says which; see {command} --help"
    )]
    NoSettings {
        /// The flag's name.
        flag: &'static str,
        /// The command, as it is typed.
        command: String,
    },
    /// Not the grammar of the command line.
    #[error("{told}; see {command} --help")]
    Grammar {
        /// What is wrong.
        told: String,
        /// The command whose help says what is right, as it is typed.
        command: String,
    },
}
