//! The store that keeps nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use limiter::ClientId;

use super::{ConfigStore, Contents, StoreError};
use crate::clients::{ClientConfig, Revision};

/// Keeps nothing but the count of its writes: the configuration ends with the process.
#[derive(Debug, Default)]
pub struct NoStore {
    writes: AtomicU64,
}

impl NoStore {
    fn written(&self) -> Revision {
        Revision::new(self.writes.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

#[async_trait]
impl ConfigStore for NoStore {
    async fn load(&self) -> Result<Contents, StoreError> {
        let newest = Revision::new(self.writes.load(Ordering::Relaxed));
        Ok(Contents { configs: Vec::new(), newest })
    }

    async fn put(&self, _config: &ClientConfig) -> Result<Revision, StoreError> {
        Ok(self.written())
    }

    async fn remove(&self, _client: &ClientId) -> Result<Revision, StoreError> {
        Ok(self.written())
    }
}
