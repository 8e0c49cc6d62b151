//! What a file owns: it alone writes that. It is not stored, for the file is there at the next start
//! as well.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    path::Path,
    sync::Arc,
};

use foldhash::fast::RandomState;
use parking_lot::RwLock;

use super::{
    Caller, Kind, Operator, OperatorError, Wanted,
    audited::Deed,
    everything::{ChangeLog, Ids, Plan},
    plan::Scope,
};
use crate::{
    clients::Revision,
    credentials::PublicPart,
    limits::{LimitName, Name},
    store::{Edit, StoreError},
};

/// What a file owns. It changes in the writer's turn alone.
#[derive(Debug, Default)]
pub(super) struct Owned(RwLock<Owner>);

#[derive(Debug, Default)]
struct Owner {
    file: Option<Arc<Path>>,
    things: Things,
}

/// Things by their names.
#[derive(Debug, Default)]
struct Things {
    clients: Ids,
    limits: HashSet<LimitName, RandomState>,
    models: HashSet<Name, RandomState>,
    keys: HashSet<PublicPart, RandomState>,
    tokens: HashSet<PublicPart, RandomState>,
}

impl Things {
    fn of(wanted: &Wanted) -> Self {
        Self {
            clients: wanted.clients.iter().map(|client| client.id.clone()).collect(),
            limits: wanted.limits.iter().map(|limit| limit.name.clone()).collect(),
            models: wanted.models.keys().cloned().collect(),
            keys: wanted.keys.iter().flat_map(BTreeMap::keys).copied().collect(),
            tokens: wanted.tokens.iter().flat_map(BTreeMap::keys).copied().collect(),
        }
    }

    fn has(&self, kind: Kind, name: &str) -> bool {
        match kind {
            Kind::Client => self.clients.contains(name),
            Kind::Limit => self.limits.contains(name),
            Kind::Model => self.models.contains(name),
            Kind::Key => has_part(&self.keys, name),
            Kind::Token => has_part(&self.tokens, name),
        }
    }
}

fn has_part(parts: &HashSet<PublicPart, RandomState>, name: &str) -> bool {
    !parts.is_empty() && PublicPart::try_from(name).is_ok_and(|part| parts.contains(&part))
}

impl Owned {
    /// Refuses a write to what the file owns.
    pub(super) fn refuse(&self, kind: Kind, name: &str) -> Result<(), OperatorError> {
        let owner = self.0.read();
        match &owner.file {
            Some(file) if owner.things.has(kind, name) => {
                Err(OperatorError::ManagedByFile { kind, file: Arc::clone(file) })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn has(&self, kind: Kind, name: &str) -> bool {
        self.0.read().things.has(kind, name)
    }

    fn change(&self, file: Arc<Path>, things: Things) {
        *self.0.write() = Owner { file: Some(file), things };
    }
}

/// An API's configuration says all that there is, and changes nothing that a file owns.
impl Scope for Owned {
    fn has(&self, _: Kind, _: &str) -> bool {
        true
    }

    fn refuse(&self, kind: Kind, name: &str) -> Result<(), OperatorError> {
        Self::refuse(self, kind, name)
    }

    fn is_all(&self) -> bool {
        true
    }
}

/// A file says all that there is of its own, and can take over anything.
struct OfFile<'a>(&'a Owned);

impl Scope for OfFile<'_> {
    fn has(&self, kind: Kind, name: &str) -> bool {
        self.0.has(kind, name)
    }

    fn refuse(&self, _: Kind, _: &str) -> Result<(), OperatorError> {
        Ok(())
    }

    fn is_all(&self) -> bool {
        false
    }
}

/// What a file's contents changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileChange {
    /// How many clients the file has.
    pub clients: usize,
    /// How many limits.
    pub limits: usize,
    /// How many models.
    pub models: usize,
    /// How many keys.
    pub keys: usize,
    /// How many tokens.
    pub tokens: usize,
    /// How much of it there was not before.
    pub created: usize,
    /// How much of it was another before.
    pub changed: usize,
    /// How much of it an API had made.
    pub taken_over: usize,
    /// How much left the file, and was deleted.
    pub deleted: usize,
}

impl fmt::Display for FileChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clients, limits, models, keys, tokens, created, changed, taken_over, deleted } =
            self;
        write!(f, "clients {clients}, ")?;
        for (word, count) in
            [("limits", limits), ("models", models), ("keys", keys), ("tokens", tokens)]
        {
            if *count > 0 {
                write!(f, "{word} {count}, ")?;
            }
        }
        write!(
            f,
            "created {created}, changed {changed}, deleted {deleted}, taken over {taken_over}"
        )
    }
}

impl Operator {
    /// Puts a file's contents in force, each thing with what it has left, and deletes what the file
    /// had before and has no more. From now on the file owns all of it: every other write to it is
    /// refused. No other write comes between.
    pub async fn put_file_in_force(
        self: &Arc<Self>,
        file: &Arc<Path>,
        wanted: Wanted,
    ) -> Result<FileChange, OperatorError> {
        let (operator, file) = (Arc::clone(self), Arc::clone(file));
        let write = async move { operator.take_from_file(file, wanted).await };
        self.in_turn(write).await
    }

    async fn take_from_file(
        &self,
        file: Arc<Path>,
        mut wanted: Wanted,
    ) -> Result<FileChange, OperatorError> {
        // A file that does not name them has none of its own, and says nothing of others.
        wanted.keys.get_or_insert_default();
        wanted.tokens.get_or_insert_default();
        let things = Things::of(&wanted);
        // The store would bring them back after they left the file.
        let taken_over = self.taken_over(&wanted);
        let mut change = FileChange {
            clients: wanted.clients.len(),
            limits: wanted.limits.len(),
            models: wanted.models.len(),
            keys: wanted.keys.as_ref().map_or(0, BTreeMap::len),
            tokens: wanted.tokens.as_ref().map_or(0, BTreeMap::len),
            taken_over: taken_over.len(),
            ..FileChange::default()
        };
        let Plan { edits, rules, before, difference, .. } =
            Box::pin(self.plan(wanted, &OfFile(&self.owned))).await?;
        change.created = difference.created.count();
        change.changed = difference.replaced.count();
        change.deleted = difference.deleted.count();

        let number = self.revisions.next_of_file(self.ledger.now().0);
        let taken_over = self.to_forget(taken_over, &edits);
        let caller = Caller::File(Arc::clone(&file));
        let mut entry = None;
        if !(edits.is_empty() && taken_over.is_empty()) {
            let written = self.write_down(&caller, Deed::whole(&difference)).await?;
            if let Err(error) = self.store_of_file(&taken_over, &edits).await {
                self.take_back(written).await;
                return Err(error.into());
            }
            entry = Some(written);
        }
        if !edits.is_empty() {
            rules.put_in_force(&self.ledger);
        }
        let mut log = ChangeLog::of(caller, &before, Revision::NONE);
        self.apply(&edits, &mut log, |edit| self.revisions.filed(edit, number)).await;
        // What the file has as an API made it is the file's from now on as well.
        self.revisions.taken_over(&taken_over, number);
        if !(edits.is_empty() && taken_over.is_empty()) {
            self.revisions.has_filed(number);
        }
        self.owned.change(file, things);
        if let Some(entry) = entry {
            self.tell(&entry, None);
        }
        Ok(change)
    }

    /// Has the store forget what is the file's from now on, and tells those who share it.
    async fn store_of_file(
        &self,
        taken_over: &Arc<Vec<Edit>>,
        edits: &[Edit],
    ) -> Result<(), StoreError> {
        if !taken_over.is_empty() {
            let revision = self.store.write(Arc::clone(taken_over)).await?;
            self.revisions.has_stored(revision);
        }
        let declared = self.store.declare(edits).await?;
        if declared != Revision::NONE {
            self.revisions.has_stored(declared);
        }
        Ok(())
    }

    /// Besides what is taken over the store has to forget the keys that an API made of clients that left
    /// the file.
    fn to_forget(&self, mut forgotten: Vec<Edit>, edits: &[Edit]) -> Arc<Vec<Edit>> {
        let is_stored = |edit: &&Edit| match edit {
            Edit::RemoveKey { public, .. } => !self.owned.has(Kind::Key, public.as_str()),
            _ => false,
        };
        forgotten.extend(edits.iter().filter(is_stored).cloned());
        Arc::new(forgotten)
    }

    /// What the store has to forget of what is wanted, for an API made it.
    fn taken_over(&self, wanted: &Wanted) -> Vec<Edit> {
        let is_new = |kind, name: &str| !self.owned.has(kind, name);
        let clients = wanted.clients.iter().filter(|client| {
            let id = client.id.as_str();
            is_new(Kind::Client, id) && self.ledger.config(id).is_some()
        });
        let there = self.ledger.limits();
        let limits = wanted.limits.iter().filter(|limit| {
            let name = limit.name.as_str();
            is_new(Kind::Limit, name) && there.iter().any(|limit| limit.name.as_str() == name)
        });
        let models = self.ledger.models();
        let models = wanted.models.keys().filter(|name| {
            is_new(Kind::Model, name.as_str()) && models.get(name.as_str()).is_some()
        });
        let clients = clients.map(|client| Edit::RemoveClient(client.id.clone()));
        let limits = limits.map(|limit| Edit::RemoveLimit(limit.name.clone()));
        let models = models.map(|name| Edit::RemoveModel(name.clone()));
        let keys = wanted.keys.iter().flat_map(BTreeMap::values).filter(|key| {
            is_new(Kind::Key, key.public.as_str())
                && self.ledger.keys().get(key.client.as_str(), key.public).is_some()
        });
        let tokens = wanted.tokens.iter().flat_map(BTreeMap::keys).filter(|public| {
            is_new(Kind::Token, public.as_str()) && self.ledger.tokens().get(**public).is_some()
        });
        let keys =
            keys.map(|key| Edit::RemoveKey { client: key.client.clone(), public: key.public });
        let tokens = tokens.map(|public| Edit::RemoveToken(*public));
        clients.chain(limits).chain(models).chain(keys).chain(tokens).collect()
    }
}
