//! How a store is reached.

use std::{fmt, time::Duration};

use async_trait::async_trait;

use super::{Connection, Failure, Target, connection};

/// Makes connections to a store.
#[async_trait]
pub trait Connect: fmt::Debug + Send + Sync {
    /// Connects to the server that takes the writes of this space of keys, within a time.
    async fn connect(&self, prefix: &str, within: Duration) -> Result<Connection, Failure>;
}

/// Servers at their addresses.
#[async_trait]
impl Connect for Target {
    async fn connect(&self, prefix: &str, within: Duration) -> Result<Connection, Failure> {
        connection::connect(self, prefix, within).await
    }
}
