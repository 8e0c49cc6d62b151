//! The file: read as a whole, with a bound.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{FileMetrics, InvalidFile, ReadError, Watch, error::Cause};
use crate::{
    bounded_file,
    document::{BYTES_MAX, Document},
    health::Health,
    operator::{Operator, OperatorError},
    settling::Fingerprints,
};

/// A file that was read and is in order.
#[derive(Debug)]
pub struct Loaded {
    path: Arc<Path>,
    document: Document,
    fingerprints: Fingerprints,
    fingerprint: u64,
}

impl Loaded {
    /// Reads the file at `path`.
    pub fn read(path: PathBuf) -> Result<Self, InvalidFile> {
        let path: Arc<Path> = path.into();
        let fingerprints = Fingerprints::default();
        let content = Content::read(&path);
        let fingerprint = content.fingerprint(&fingerprints);
        let document = content.judge(&path)?;
        Ok(Self { path, document, fingerprints, fingerprint })
    }

    /// What it says.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Puts what it says in force. From then on the file owns its clients, and has to be watched.
    pub async fn put_in_force(
        self,
        operator: &Arc<Operator>,
        health: Health,
        metrics: FileMetrics,
    ) -> Result<Watch, OperatorError> {
        let Self { path, document, fingerprints, fingerprint } = self;
        let mut watch = Watch::new(path, Arc::clone(operator), health, metrics, fingerprints);
        watch.put_in_force(document).await?;
        watch.has_judged(fingerprint);
        Ok(watch)
    }
}

/// What is found where the file should be.
pub(super) struct Content(Result<Vec<u8>, ReadError>);

impl Content {
    pub(super) fn read(path: &Path) -> Self {
        Self(read(path))
    }

    pub(super) fn fingerprint(&self, fingerprints: &Fingerprints) -> u64 {
        match &self.0 {
            Ok(bytes) => fingerprints.of(bytes),
            Err(error) => fingerprints.of(error.to_string().as_bytes()),
        }
    }

    pub(super) fn judge(self, path: &Arc<Path>) -> Result<Document, InvalidFile> {
        let document = match self.0 {
            Ok(bytes) => Document::parse(&bytes).map_err(Cause::Wrong),
            Err(error) => Err(Cause::Unread(error)),
        };
        document.map_err(|cause| InvalidFile { path: Arc::clone(path), cause })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ReadError> {
    // Asked before it is opened: opening a pipe waits for somebody who writes.
    if !path.metadata()?.is_file() {
        return Err(ReadError::NotAFile);
    }
    bounded_file::read(path, u64::from(BYTES_MAX))?.ok_or(ReadError::TooLarge)
}
