//! The configuration that control planes share: rows, each with the revision of its last write, and
//! what moved and was removed in the order of these.
//!
//! A revision is a time of the store in milliseconds, or one more than the one before, so that it also
//! says since when something is in force. Whoever asks what was written since gets it whole: nothing
//! is announced, and so nothing can be lost.

mod audited;
mod known;
mod read;
mod row;
mod write;

use std::{fmt::Display, sync::Arc};

use async_trait::async_trait;
use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::sync;

use self::known::KnownRows;
use self::read::ReadFrom;
use self::row::UnreadableRow;
use self::write::{EDITS_MAX, How, TURN_WAIT, Turn};
use super::{
    Lineage, Link,
    client::{Client, Failure, Found, SmallScript},
};
use crate::{
    audit::{Entry, Filter, Page},
    clients::{ClientConfig, Revision},
    store::{ConfigStore, Contents, Edit, StoreError, WrittenSince},
};

/// A configuration that several processes share.
#[derive(Debug)]
pub struct SharedConfiguration {
    link: Link,
    scripts: Scripts,
    known: KnownRows,
    turn: Mutex<Option<Turn>>,
    /// The token of the import that this process makes; while another one does nobody writes.
    import: Vec<u8>,
    read_from: Mutex<ReadFrom>,
    /// Whose turn it is to read who changed what.
    audit_turn: sync::Mutex<()>,
}

#[derive(Debug)]
struct Scripts {
    since: SmallScript,
    begin: SmallScript,
    write: SmallScript,
    end: SmallScript,
    lost: SmallScript,
}

/// Why the store's configuration cannot be used.
#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Call(#[from] Failure),
    #[error(transparent)]
    Row(#[from] UnreadableRow),
    #[error("it answered something else than what was asked for")]
    Answer,
    #[error("another control plane has been writing for {} seconds", TURN_WAIT.as_secs())]
    Turn,
    #[error("another control plane wrote at the same time")]
    Lost,
    #[error("an import into it is not finished: import once more, or choose another STORE_PREFIX")]
    Importing,
    #[error("who changes it cannot be told in an entry of the audit")]
    Entry,
    #[error("one write changes at most {EDITS_MAX} things, not {0}: make it in parts")]
    TooMuch(usize),
}

impl From<Cause> for StoreError {
    fn from(cause: Cause) -> Self {
        Self::Unavailable(Box::new(cause))
    }
}

impl SharedConfiguration {
    /// The configuration in the store of this link.
    pub fn new(link: Link) -> Self {
        let scripts = Scripts {
            since: SmallScript::new(include_str!("since.lua")),
            begin: SmallScript::new(include_str!("begin.lua")),
            write: SmallScript::new(include_str!("write.lua")),
            end: SmallScript::new(include_str!("end.lua")),
            lost: SmallScript::new(include_str!("lost.lua")),
        };
        Self {
            link,
            scripts,
            known: KnownRows::default(),
            turn: Mutex::default(),
            import: Vec::new(),
            read_from: Mutex::default(),
            audit_turn: sync::Mutex::default(),
        }
    }

    /// The same for the one process that may write until an import of this token is finished.
    pub(super) fn of_import(link: Link, token: Vec<u8>) -> Self {
        Self { import: token, ..Self::new(link) }
    }

    /// Since when a client's buckets are its own, and its numbers what they are.
    pub fn lineage_of_client(&self, id: &str) -> Option<Lineage> {
        self.lineage(b'c', id)
    }

    /// The same of a limit.
    pub fn lineage_of_limit(&self, name: &str) -> Option<Lineage> {
        self.lineage(b'l', name)
    }

    /// The same of a model.
    pub fn lineage_of_model(&self, name: &str) -> Option<Lineage> {
        self.lineage(b'm', name)
    }

    fn lineage(&self, letter: u8, name: &str) -> Option<Lineage> {
        let mut key = SmallVec::<[u8; 80]>::new();
        key.push(letter);
        key.extend_from_slice(name.as_bytes());
        self.known.lineage(&key)
    }

    /// Runs a script, over another connection from now on where this one failed.
    async fn run(
        &self,
        script: &SmallScript,
        keys: &[&str],
        arguments: &[Vec<u8>],
    ) -> Result<Found, Failure> {
        let run = async |client: Client| client.run_script(script, keys, arguments).await;
        let found = self.link.ask(run).await;
        // It may have been in the middle of a write: what comes is asked over another connection.
        if found.as_ref().is_err_and(Failure::may_have_happened) {
            self.link.has_broken().await;
        }
        found
    }
}

#[async_trait]
impl ConfigStore for SharedConfiguration {
    async fn load(&self) -> Result<Contents, StoreError> {
        let other = self.other_server().await.map_err(Cause::from)?;
        let contents = self.read_everything().await?;
        if let Some(other) = other {
            *self.read_from.lock() = other;
        }
        Ok(contents)
    }

    async fn write(&self, edits: Arc<Vec<Edit>>) -> Result<Revision, StoreError> {
        Ok(self.put(&edits, How::Stored, None).await?)
    }

    async fn write_as(&self, edits: Arc<Vec<Edit>>, entry: &Entry) -> Result<Revision, StoreError> {
        Ok(self.put(&edits, How::Stored, Some(entry)).await?)
    }

    async fn declare(&self, edits: &[Edit]) -> Result<Revision, StoreError> {
        Ok(self.put(edits, How::Declared, None).await?)
    }

    async fn begin_anew(
        &self,
        config: &ClientConfig,
        entry: &Entry,
    ) -> Result<Revision, StoreError> {
        let edits = [Edit::PutClient(config.clone())];
        Ok(self.put(&edits, How::Anew, Some(entry)).await?)
    }

    fn next_revision(&self, newest: Revision) -> Revision {
        self.next().unwrap_or_else(|| Revision::new(newest.get() + 1))
    }

    async fn audit(&self, filter: &Filter, max: usize) -> Result<Option<Page>, StoreError> {
        Ok(Some(self.page_of_audit(filter, max).await?))
    }

    async fn written_since(&self, known: Revision) -> Result<WrittenSince, StoreError> {
        Ok(self.since(known).await?)
    }

    async fn begin_turn(&self, known: Revision) -> Result<WrittenSince, StoreError> {
        Ok(self.begin(known).await?)
    }

    async fn end_turn(&self) {
        self.end().await;
    }
}

/// A number, as a script is told one.
fn text(number: impl Display) -> Vec<u8> {
    number.to_string().into_bytes()
}
