//! Where the configuration outlives the process.
//!
//! The ledger holds what is in force; a store is asked once at start and told of every write
//! before the ledger is, so that what was acknowledged can be read back.

use std::{error, fmt};

use limiter::ClientId;

use crate::clients::ClientConfig;

/// A place for configurations. Calls may block, but never without end; they come from threads
/// that are there for blocking, and never two writes at a time.
pub trait ConfigStore: fmt::Debug + Send + Sync {
    /// Every configuration that is stored, in any order.
    fn load(&self) -> Result<Vec<ClientConfig>, StoreError>;

    /// Stores a configuration, new or not. When this returns, it is as durable as it gets.
    fn put(&self, config: &ClientConfig) -> Result<(), StoreError>;

    /// Forgets a client's configuration; one that is not stored is none the worse for it.
    fn remove(&self, client: &ClientId) -> Result<(), StoreError>;
}

/// Why a store did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached or does not work; whether a write got through is not known.
    #[error("the store is unavailable: {0}")]
    Unavailable(#[source] Box<dyn error::Error + Send + Sync>),
}

/// Keeps nothing: the configuration lives in the ledger alone and ends with the process.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryStore;

impl ConfigStore for MemoryStore {
    fn load(&self) -> Result<Vec<ClientConfig>, StoreError> {
        Ok(Vec::new())
    }

    fn put(&self, _config: &ClientConfig) -> Result<(), StoreError> {
        Ok(())
    }

    fn remove(&self, _client: &ClientId) -> Result<(), StoreError> {
        Ok(())
    }
}
