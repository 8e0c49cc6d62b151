//! What every store can do.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use super::{Edit, StoreError};
use crate::{
    audit::{Entry, Filter, Page},
    clients::{ClientConfig, Revision},
    credentials::{ClientKey, Token},
    limits::{Limit, Name, Patterns},
};

/// A place for configurations.
///
/// Each write gets a higher [`Revision`] than the one before, and so does everything that it puts
/// there. A call may take its time, but always ends, and there are never two writes at a time; one that
/// has begun is waited for.
///
/// Several processes may share one. Each writes in a turn of its own, and begins it with what the
/// others wrote before.
#[async_trait]
pub trait ConfigStore: fmt::Debug + Send + Sync {
    /// Everything that is stored.
    async fn load(&self) -> Result<Contents, StoreError>;

    /// Does all of it, one after the other, or nothing. When this answers, it is as durable as it
    /// gets.
    async fn write(&self, edits: Arc<Vec<Edit>>) -> Result<Revision, StoreError>;

    /// The same, with the line that says who does it, which is kept in the same step where several share
    /// the store: there it is found wherever it is asked for.
    async fn write_as(
        &self,
        edits: Arc<Vec<Edit>>,
        _entry: &Entry,
    ) -> Result<Revision, StoreError> {
        self.write(edits).await
    }

    /// In this process' turn: of what stands in a file or in settings nothing is stored, but those who
    /// share the store have to agree on its buckets. The answer is the revision of the last write.
    async fn declare(&self, _edits: &[Edit]) -> Result<Revision, StoreError> {
        Ok(Revision::NONE)
    }

    /// In this process' turn: nothing is spent from now on of the limits of a client that is configured so.
    /// The line is kept as with [`ConfigStore::write_as`].
    async fn begin_anew(
        &self,
        _config: &ClientConfig,
        _entry: &Entry,
    ) -> Result<Revision, StoreError> {
        Ok(Revision::NONE)
    }

    /// In this process' turn: what the next write gets, where `newest` is the last one's.
    fn next_revision(&self, newest: Revision) -> Revision {
        Revision::new(newest.get() + 1)
    }

    /// At most `max` of the newest lines of who changed what, wherever it was done; `None`: they are kept by
    /// each process, and not here.
    async fn audit(&self, _filter: &Filter, _max: usize) -> Result<Option<Page>, StoreError> {
        Ok(None)
    }

    /// What was written after `known` by whoever shares the store.
    async fn written_since(&self, _known: Revision) -> Result<WrittenSince, StoreError> {
        Ok(WrittenSince::Nothing)
    }

    /// Waits until nobody else writes, and tells the same. Nobody else does until
    /// [`ConfigStore::end_turn`].
    async fn begin_turn(&self, known: Revision) -> Result<WrittenSince, StoreError> {
        self.written_since(known).await
    }

    /// Others may write again.
    async fn end_turn(&self) {}
}

#[async_trait]
impl<S: ConfigStore> ConfigStore for Arc<S> {
    async fn load(&self) -> Result<Contents, StoreError> {
        (**self).load().await
    }

    async fn write(&self, edits: Arc<Vec<Edit>>) -> Result<Revision, StoreError> {
        (**self).write(edits).await
    }

    async fn write_as(&self, edits: Arc<Vec<Edit>>, entry: &Entry) -> Result<Revision, StoreError> {
        (**self).write_as(edits, entry).await
    }

    async fn declare(&self, edits: &[Edit]) -> Result<Revision, StoreError> {
        (**self).declare(edits).await
    }

    async fn begin_anew(
        &self,
        config: &ClientConfig,
        entry: &Entry,
    ) -> Result<Revision, StoreError> {
        (**self).begin_anew(config, entry).await
    }

    fn next_revision(&self, newest: Revision) -> Revision {
        (**self).next_revision(newest)
    }

    async fn audit(&self, filter: &Filter, max: usize) -> Result<Option<Page>, StoreError> {
        (**self).audit(filter, max).await
    }

    async fn written_since(&self, known: Revision) -> Result<WrittenSince, StoreError> {
        (**self).written_since(known).await
    }

    async fn begin_turn(&self, known: Revision) -> Result<WrittenSince, StoreError> {
        (**self).begin_turn(known).await
    }

    async fn end_turn(&self) {
        (**self).end_turn().await;
    }
}

/// What others wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WrittenSince {
    /// Nothing.
    Nothing,
    /// Each thing as it was written last, with the revision of that write, in any order.
    Edits {
        /// The things.
        edits: Vec<(Edit, Revision)>,
        /// The revision of the last write.
        newest: Revision,
    },
    /// So much that all of it is told: what is not there is not configured.
    Everything(Contents),
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
    /// The keys of clients, which need not be among these: a file may name them.
    pub keys: Vec<(ClientKey, Revision)>,
    /// The tokens.
    pub tokens: Vec<(Token, Revision)>,
    /// The revision of the last write, which may have removed something.
    pub newest: Revision,
    /// What is gone since it was last told though nobody who shares the store removed it.
    pub lost: Lost,
}

/// How much is gone that nobody removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Clients.
    pub clients: usize,
    /// Limits beside their own two.
    pub limits: usize,
    /// Models.
    pub models: usize,
    /// Keys of clients.
    pub keys: usize,
    /// Tokens.
    pub tokens: usize,
}

impl Lost {
    /// Whether nothing is.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}
