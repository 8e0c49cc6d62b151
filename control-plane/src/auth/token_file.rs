//! A token in a file: the first one, where no other can be made yet, or the only one.

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    task,
    time::{self, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    credentials::{Digest, InvalidSecret, PublicPart, Secret, SecretKind},
    excerpt::path_in_one_line,
};

/// How long the file may be: a token, and the end of its line.
const BYTES_MAX: u64 = 1_024;

/// How often it is looked whether there is another one.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Anybody on this host may read or write it.
const OPEN_TO_ALL: u32 = 0o007;

/// The token of a file, which is followed.
#[derive(Debug)]
pub struct TokenFile {
    path: PathBuf,
    token: ArcSwap<FileToken>,
}

/// What is kept of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileToken {
    pub(super) digest: Digest,
    pub(super) public: PublicPart,
}

/// A file that has no token.
#[derive(Debug, thiserror::Error)]
#[error("ADMIN_TOKEN_FILE={} {fault}", path_in_one_line(path))]
pub struct TokenFileError {
    path: PathBuf,
    fault: Fault,
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("cannot be read: {0}")]
    Unread(#[from] io::Error),
    #[error("is longer than {BYTES_MAX} bytes: its one line is a token (fga_…)")]
    TooLong,
    #[error("is empty: its one line is a token (fga_…)")]
    Empty,
    #[error("has no token: its one line {0}")]
    NoToken(#[from] InvalidSecret),
}

impl TokenFile {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read, or has something else than a token.
    pub fn read(path: &Path) -> Result<Self, TokenFileError> {
        let token = read(path)?;
        if is_open_to_all(path) {
            warn!(
                "ADMIN_TOKEN_FILE={} can be read by everybody on this host: chmod 600 keeps it from them",
                path_in_one_line(path)
            );
        }
        Ok(Self { path: path.to_owned(), token: ArcSwap::from_pointee(token) })
    }

    pub(super) fn token(&self) -> FileToken {
        **self.token.load()
    }

    /// Puts another token in force when the file has one, until `shutdown`. What is no token changes
    /// nothing, and is told once.
    pub async fn follow(self: Arc<Self>, shutdown: CancellationToken) {
        let mut looks = time::interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = None;
        while shutdown.run_until_cancelled(looks.tick()).await.is_some() {
            let path = self.path.clone();
            let Ok(found) = task::spawn_blocking(move || read(&path)).await else { continue };
            match found {
                Ok(token) => {
                    told = None;
                    self.put_in_force(token);
                }
                Err(error) => {
                    let error = error.to_string();
                    if told.as_ref() != Some(&error) {
                        warn!("{error}; the token {} stays in force", self.token().public);
                        told = Some(error);
                    }
                }
            }
        }
    }

    fn put_in_force(&self, token: FileToken) {
        if token != self.token() {
            self.token.store(Arc::new(token));
            info!("the token {} of ADMIN_TOKEN_FILE is in force", token.public);
        }
    }
}

fn read(path: &Path) -> Result<FileToken, TokenFileError> {
    token(path).map_err(|fault| TokenFileError { path: path.to_owned(), fault })
}

fn token(path: &Path) -> Result<FileToken, Fault> {
    let mut bytes = Vec::new();
    // One byte more tells that it goes on.
    File::open(path)?.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len > BYTES_MAX) {
        return Err(Fault::TooLong);
    }
    let text = String::from_utf8_lossy(&bytes);
    let line = text.trim_end_matches(['\r', '\n']);
    if line.is_empty() {
        return Err(Fault::Empty);
    }
    let secret = Secret::parse(SecretKind::Token, line)?;
    Ok(FileToken { digest: secret.digest(), public: secret.public_part() })
}

fn is_open_to_all(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.mode() & OPEN_TO_ALL != 0)
}
