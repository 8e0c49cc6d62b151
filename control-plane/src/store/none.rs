//! The store that keeps nothing.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;

use super::{ConfigStore, Contents, Edit, StoreError};
use crate::clients::Revision;

/// Keeps nothing but the count of its writes: the configuration ends with the process.
#[derive(Debug, Default)]
pub struct NoStore {
    writes: AtomicU64,
}

#[async_trait]
impl ConfigStore for NoStore {
    async fn load(&self) -> Result<Contents, StoreError> {
        let newest = Revision::new(self.writes.load(Ordering::Relaxed));
        Ok(Contents { newest, ..Contents::default() })
    }

    async fn write(&self, _edits: Arc<Vec<Edit>>) -> Result<Revision, StoreError> {
        Ok(Revision::new(self.writes.fetch_add(1, Ordering::Relaxed) + 1))
    }
}
