//! What every store can do.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use super::{Edit, StoreError};
use crate::{
    clients::{ClientConfig, Revision},
    limits::{Limit, Name, Patterns},
};

/// A place for configurations.
///
/// Each write gets the store's next [`Revision`], and so does everything that it puts there. A call
/// may take its time, but always ends, and there are never two writes at a time; one that has begun
/// is waited for.
#[async_trait]
pub trait ConfigStore: fmt::Debug + Send + Sync {
    /// Everything that is stored.
    async fn load(&self) -> Result<Contents, StoreError>;

    /// Does all of it, one after the other, or nothing. When this answers, it is as durable as it
    /// gets.
    async fn write(&self, edits: Arc<Vec<Edit>>) -> Result<Revision, StoreError>;
}

/// Everything that a store holds, each thing with the revision of its last write, in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The clients.
    pub clients: Vec<(ClientConfig, Revision)>,
    /// The limits beside their own two.
    pub limits: Vec<(Limit, Revision)>,
    /// The models.
    pub models: Vec<((Name, Patterns), Revision)>,
    /// The revision of the last write, which may have removed something.
    pub newest: Revision,
}
