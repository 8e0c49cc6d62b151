//! Clients that a file owns: it alone writes them. They are not stored, for the file is there at the
//! next start as well.

use std::{collections::HashSet, fmt, path::Path, sync::Arc};

use foldhash::fast::RandomState;
use limiter::ClientId;
use parking_lot::RwLock;
use tokio::task;

use super::{Caller, Change, Operator, OperatorError, Removal, Write};
use crate::{
    clients::{ClientConfig, Revision},
    store::Edit,
};

/// How many clients are written before others have their turn on this thread.
const WRITES_AT_A_TIME: usize = 256;

/// How many changes of one file the log tells one by one.
const CHANGES_LOGGED_MAX: usize = 100;

/// Which clients a file owns. It changes in the writer's turn alone.
#[derive(Debug, Default)]
pub(super) struct Owned(RwLock<Owner>);

#[derive(Debug, Default)]
struct Owner {
    file: Option<Arc<Path>>,
    clients: Ids,
}

type Ids = HashSet<ClientId, RandomState>;

impl Owned {
    /// Refuses a write to a client that the file owns.
    pub(super) fn refuse(&self, client: &str) -> Result<(), OperatorError> {
        let owner = self.0.read();
        match &owner.file {
            Some(file) if owner.clients.contains(client) => {
                Err(OperatorError::ManagedByFile { file: Arc::clone(file) })
            }
            _ => Ok(()),
        }
    }

    fn has(&self, client: &ClientId) -> bool {
        self.0.read().clients.contains(client)
    }

    /// The clients that the file owns and that are not among these.
    fn not_among(&self, ids: &Ids) -> Vec<ClientId> {
        self.0.read().clients.difference(ids).cloned().collect()
    }

    fn change(&self, file: Arc<Path>, clients: Ids) {
        *self.0.write() = Owner { file: Some(file), clients };
    }
}

/// What a file's contents changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileChange {
    /// How many clients the file has.
    pub clients: usize,
    /// How many of them there were not before.
    pub created: usize,
    /// How many of them had another configuration before.
    pub changed: usize,
    /// How many of them an API had made.
    pub taken_over: usize,
    /// How many clients left the file, and were deleted.
    pub deleted: usize,
}

impl fmt::Display for FileChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clients, created, changed, taken_over, deleted } = self;
        write!(
            f,
            "clients {clients}, created {created}, changed {changed}, deleted {deleted}, \
             taken over {taken_over}"
        )
    }
}

impl Operator {
    /// Puts a file's clients in force, each with what it has left, and deletes those that the file
    /// had before and has no more. From now on the file owns its clients: every other write to them
    /// is refused. No other write comes between.
    pub async fn put_file_in_force(
        self: &Arc<Self>,
        file: &Arc<Path>,
        clients: Vec<ClientConfig>,
    ) -> Result<FileChange, OperatorError> {
        let (operator, file) = (Arc::clone(self), Arc::clone(file));
        let write = async move { operator.take_from_file(file, clients).await };
        self.writer.run(write).await
    }

    async fn take_from_file(
        &self,
        file: Arc<Path>,
        clients: Vec<ClientConfig>,
    ) -> Result<FileChange, OperatorError> {
        let ids: Ids = clients.iter().map(|client| client.id.clone()).collect();
        let left = self.owned.not_among(&ids);
        let (there, created): (Vec<_>, Vec<_>) =
            ids.iter().partition(|id| self.ledger.config(id.as_str()).is_some());
        if self.ledger.len() - left.len() + created.len() > self.clients_max {
            return Err(OperatorError::TooManyClients { clients_max: self.clients_max });
        }
        // The store would bring them back after they left the file.
        let stored = there.into_iter().filter(|id| !self.owned.has(id));
        let edits: Vec<_> = stored.map(|id| Edit::RemoveClient(id.clone())).collect();
        let taken_over = edits.len();
        if !edits.is_empty() {
            self.store.write(edits).await?;
        }

        let (count, created, deleted) = (clients.len(), created.len(), left.len());
        let mut log = ChangeLog { caller: Caller::File(Arc::clone(&file)), changes: 0 };
        let changed = self.write_all(clients, &mut log).await;
        self.delete_all(left, &mut log).await;
        self.owned.change(file, ids);
        Ok(FileChange { clients: count, created, changed, taken_over, deleted })
    }

    /// Tells how many clients there were that have another configuration now.
    async fn write_all(&self, clients: Vec<ClientConfig>, log: &mut ChangeLog) -> usize {
        let mut changed = 0;
        for (index, config) in clients.into_iter().enumerate() {
            let_others_work(index).await;
            let before = self.ledger.config(config.id.as_str());
            if before.as_ref() == Some(&config) {
                continue;
            }
            self.put_in_force(&config);
            if before.is_some() {
                changed += 1;
                let (write, revision) = (Write::Replacement, Revision::NONE);
                log.tell(|caller| Change { config, before, write, revision }.log(caller));
            }
        }
        changed
    }

    async fn delete_all(&self, clients: Vec<ClientId>, log: &mut ChangeLog) {
        for (index, id) in clients.into_iter().enumerate() {
            let_others_work(index).await;
            let Some(config) = self.ledger.config(id.as_str()) else { continue };
            self.ledger.remove(id.as_str());
            log.tell(|caller| Removal { config, revision: Revision::NONE }.log(caller));
        }
    }
}

async fn let_others_work(written: usize) {
    if written.is_multiple_of(WRITES_AT_A_TIME) {
        task::yield_now().await;
    }
}

/// Tells the log of a file's first changes.
struct ChangeLog {
    caller: Caller,
    changes: usize,
}

impl ChangeLog {
    fn tell(&mut self, change: impl FnOnce(&Caller)) {
        if self.changes < CHANGES_LOGGED_MAX {
            change(&self.caller);
        }
        self.changes += 1;
    }
}
