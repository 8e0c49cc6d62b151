//! A token in a file: the first one, where no other can be made yet, or the only one.

use std::{fmt, os::unix::fs::MetadataExt as _, path::Path};

use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::followed::{self, CredentialFileError, Fault, Followed};
use crate::{
    credentials::{Digest, PublicPart, Secret, SecretKind},
    excerpt::path_in_one_line,
    health::{Health, Part},
};

const SETTING: &str = "ADMIN_TOKEN_FILE";

/// How long the file may be: a token, and the end of its line.
const BYTES_MAX: u64 = 1_024;

/// Anybody on this host may read or write it.
const OPEN_TO_ALL: u32 = 0o007;

/// The token of a file, which is followed.
#[derive(Debug)]
pub struct TokenFile(Followed<FileToken>);

/// What is kept of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileToken {
    pub(super) digest: Digest,
    pub(super) public: PublicPart,
}

impl TokenFile {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read, or has something else than a token.
    pub fn read(path: &Path) -> Result<Self, CredentialFileError> {
        let file = Followed::open(SETTING, Part::TokenFile, path, read)?;
        if path.metadata().is_ok_and(|metadata| metadata.mode() & OPEN_TO_ALL != 0) {
            warn!(
                "{SETTING}={} can be read by everybody on this host: chmod 600 keeps it from them",
                path_in_one_line(path)
            );
        }
        Ok(Self(file))
    }

    /// Puts another token in force when the file has one, and tells `health` while it has none, until
    /// `shutdown`.
    pub async fn follow(&self, health: &Health, shutdown: &CancellationToken) {
        self.0.follow(health, shutdown).await;
    }

    pub(super) fn token(&self) -> FileToken {
        *self.0.content()
    }
}

impl fmt::Display for FileToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the token {}", self.public)
    }
}

fn read(path: &Path) -> Result<FileToken, Fault> {
    let bytes = followed::bytes(path, BYTES_MAX, "a token (fga_…) and nothing else")?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.trim_end_matches(['\r', '\n']);
    if line.is_empty() {
        return Err(Fault::NoLine);
    }
    let secret = Secret::parse(SecretKind::Token, line)?;
    Ok(FileToken { digest: secret.digest(), public: secret.public_part() })
}
