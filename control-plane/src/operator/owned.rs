//! Clients that a file owns: it alone writes them. They are not stored, for the file is there at the
//! next start as well.

use std::{collections::HashSet, fmt, path::Path, sync::Arc};

use foldhash::fast::RandomState;
use limiter::ClientId;
use parking_lot::RwLock;
use tokio::task;

use super::{Caller, Change, Operator, OperatorError, Removal, Write};
use crate::clients::{ClientConfig, Revision};

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
    clients: HashSet<ClientId, RandomState>,
}

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

    fn has(&self, client: &str) -> bool {
        self.0.read().clients.contains(client)
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
            "{clients} clients ({created} created, {changed} changed, {deleted} deleted, \
             {taken_over} taken over)"
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
        let ids: HashSet<_, _> = clients.iter().map(|client| client.id.clone()).collect();
        let made_by_api = |id: &ClientId| !self.owned.has(id.as_str());
        let left: Vec<_> =
            self.owned.0.read().clients.iter().filter(|id| !ids.contains(*id)).cloned().collect();
        let taken_over: Vec<_> = ids
            .iter()
            .filter(|id| made_by_api(id) && self.ledger.config(id.as_str()).is_some())
            .collect();
        let fresh = ids.iter().filter(|id| self.ledger.config(id.as_str()).is_none()).count();
        if self.ledger.len() + fresh - left.len() > self.clients_max {
            return Err(OperatorError::TooManyClients { clients_max: self.clients_max });
        }
        // The store would bring them back after they left the file.
        for id in &taken_over {
            self.store.remove(id).await?;
        }

        let mut change = FileChange {
            clients: clients.len(),
            taken_over: taken_over.len(),
            deleted: left.len(),
            ..FileChange::default()
        };
        let caller = Caller::File(Arc::clone(&file));
        let mut logged = 0;
        for (written, config) in clients.into_iter().enumerate() {
            if written % WRITES_AT_A_TIME == 0 {
                task::yield_now().await;
            }
            let before = self.ledger.config(config.id.as_str());
            if before.as_ref() == Some(&config) {
                continue;
            }
            self.put_in_force(&config);
            if before.is_none() {
                change.created += 1;
                continue;
            }
            change.changed += 1;
            logged += 1;
            if logged <= CHANGES_LOGGED_MAX {
                let write = Write::Replacement;
                Change { config, before, write, revision: Revision::NONE }.log(&caller);
            }
        }
        for (removed, id) in left.into_iter().enumerate() {
            if removed % WRITES_AT_A_TIME == 0 {
                task::yield_now().await;
            }
            let Some(config) = self.ledger.config(id.as_str()) else { continue };
            self.ledger.remove(id.as_str());
            logged += 1;
            if logged <= CHANGES_LOGGED_MAX {
                Removal { config, revision: Revision::NONE }.log(&caller);
            }
        }
        *self.owned.0.write() = Owner { file: Some(file), clients: ids };
        Ok(change)
    }
}
