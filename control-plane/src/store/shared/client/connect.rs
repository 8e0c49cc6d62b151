//! How a store is reached.

use std::{fmt, time::Duration};

use async_trait::async_trait;

use super::{Connection, Failure, Target, connection};

/// Makes connections to a store.
#[async_trait]
pub trait Connect: fmt::Debug + Send + Sync {
    /// Connects within a time.
    async fn connect(&self, within: Duration) -> Result<Connection, Failure>;
}

/// A server at its address.
#[async_trait]
impl Connect for Target {
    async fn connect(&self, within: Duration) -> Result<Connection, Failure> {
        connection::connect(self, within).await
    }
}
