//! A store that control planes share, as one of them uses it.

use std::sync::Arc;

use super::{Committer, Link, SharedConfiguration, Unavailable, WorkerName};

/// What is configured there, and what is left of limits.
#[derive(Clone, Debug)]
pub struct SharedStore {
    /// What is configured.
    pub configuration: Arc<SharedConfiguration>,
    /// What is left.
    pub committer: Committer,
    link: Arc<Link>,
}

impl SharedStore {
    /// The store of these two, which reads over `link`.
    pub fn new(
        configuration: Arc<SharedConfiguration>,
        committer: Committer,
        link: Arc<Link>,
    ) -> Self {
        Self { configuration, committer, link }
    }

    /// A worker's open requests: their numbers, which of their demands were charged, and what was noted.
    pub async fn open_requests(
        &self,
        worker: &WorkerName,
    ) -> Result<Vec<(u32, u16, Vec<u8>)>, Unavailable> {
        let client = self.link.client().await.map_err(|_| Unavailable)?;
        client.open_requests(&worker.key).await.map_err(|_| Unavailable)
    }
}
