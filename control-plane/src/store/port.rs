//! What every store can do.

use std::fmt;

use async_trait::async_trait;
use limiter::ClientId;

use super::StoreError;
use crate::clients::{ClientConfig, Revision};

/// A place for configurations.
///
/// Each write gets the store's next [`Revision`]. A call may take its time, but always ends, and
/// there are never two writes at a time; one that has begun is waited for.
#[async_trait]
pub trait ConfigStore: fmt::Debug + Send + Sync {
    /// Everything that is stored.
    async fn load(&self) -> Result<Contents, StoreError>;

    /// Stores a configuration, new or not. When this answers, it is as durable as it gets.
    async fn put(&self, config: &ClientConfig) -> Result<Revision, StoreError>;

    /// Forgets a client's configuration, which need not be there.
    async fn remove(&self, client: &ClientId) -> Result<Revision, StoreError>;
}

/// Everything that a store holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Every configuration with the revision of its last write, in any order.
    pub configs: Vec<(ClientConfig, Revision)>,
    /// The revision of the last write, which may have removed a client.
    pub newest: Revision,
}
