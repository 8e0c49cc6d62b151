//! Files of what callers are known by, which are followed: another content that is in order takes the
//! place of the one before, and what is not in order changes nothing.

use std::{
    fmt::Display,
    io,
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
    bounded_file,
    credentials::InvalidSecret,
    excerpt::path_in_one_line,
    health::{Health, Part},
};

/// How often it is looked whether there is another content.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// What a file has, while it is in order.
#[derive(Debug)]
pub(super) struct Followed<T> {
    setting: &'static str,
    /// What `/health` is told to be wrong while the file is.
    part: Part,
    path: PathBuf,
    read: fn(&Path) -> Result<T, Fault>,
    content: ArcSwap<T>,
}

/// A file that is not what its setting says.
#[derive(Debug, thiserror::Error)]
#[error("{setting}={} {fault}", path_in_one_line(path))]
pub struct CredentialFileError {
    setting: &'static str,
    path: PathBuf,
    fault: Fault,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("cannot be read: {0}")]
    Unread(#[from] io::Error),
    #[error("is longer than {0} bytes: it has {1}")]
    TooLong(u64, &'static str),
    #[error("is empty: its one line is a token (fga_…)")]
    NoLine,
    #[error("has no token: its one line {0}")]
    NoToken(#[from] InvalidSecret),
    /// What the reader says of it may have its bytes, and is not told.
    #[error("is no JSON Web Key Set: line {}, column {}", .0.line(), .0.column())]
    NoKeySet(#[from] serde_json::Error),
    #[error(
        "has no key that can be used: it has keys of RS256, ES256 or EdDSA, each with a kid where there are several"
    )]
    NoKey,
}

impl<T> Followed<T>
where
    T: Display + PartialEq + Send + Sync + 'static,
{
    /// Reads the file that `setting` names.
    pub(super) fn open(
        setting: &'static str,
        part: Part,
        path: &Path,
        read: fn(&Path) -> Result<T, Fault>,
    ) -> Result<Self, CredentialFileError> {
        let error = |fault| CredentialFileError { setting, path: path.to_owned(), fault };
        let content = ArcSwap::from_pointee(read(path).map_err(error)?);
        Ok(Self { setting, part, path: path.to_owned(), read, content })
    }

    /// What is in force.
    pub(super) fn content(&self) -> Arc<T> {
        self.content.load_full()
    }

    /// Looks at the file until `shutdown`. What is not in order is told once, and `health` tells it for
    /// as long as it is not.
    pub(super) async fn follow(&self, health: &Health, shutdown: &CancellationToken) {
        let mut looks = time::interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = None;
        while shutdown.run_until_cancelled(looks.tick()).await.is_some() {
            let (read, path) = (self.read, self.path.clone());
            match task::spawn_blocking(move || read(&path)).await {
                Ok(Ok(content)) => {
                    if told.take().is_some() {
                        health.recover(self.part);
                    }
                    self.put_in_force(content);
                }
                Ok(Err(fault)) => {
                    let fault = fault.to_string();
                    if told.as_ref() != Some(&fault) {
                        let path = path_in_one_line(&self.path);
                        let before = self.content();
                        warn!("{}={path} {fault}; {before} stays in force", self.setting);
                        // For anybody to read: what is in force is not named.
                        let stays = "what it had before stays in force";
                        health.degrade(
                            self.part,
                            format!("{}={path} {fault}; {stays}", self.setting),
                        );
                        told = Some(fault);
                    }
                }
                // The runtime ends.
                Err(_) => {}
            }
        }
    }

    fn put_in_force(&self, content: T) {
        if *self.content() != content {
            info!("{content} of {} is in force", self.setting);
            self.content.store(Arc::new(content));
        }
    }
}

/// All of a file that may be so long.
pub(super) fn bytes(path: &Path, max: u64, of_what: &'static str) -> Result<Vec<u8>, Fault> {
    bounded_file::read(path, max)?.ok_or(Fault::TooLong(max, of_what))
}
