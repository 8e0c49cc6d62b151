//! The calls: what each API's requests come down to.

use std::sync::Arc;

use limiter::{ClientId, UnixMillis};
use tracing::info;

use super::{
    CLIENTS_MAX, Caller, Change, ClientStats, Draft, Kind, OperatorError, Precondition, Removal,
    Surroundings, Tagged, Write, audited::Deed, document::DocumentPlace, owned::Owned,
    preview::PreviewPlace, revisions::Revisions, rules::judge_client, writer::Writer,
};
use crate::{
    audit::Audit,
    backup::Document,
    clients::{ClientConfig, Revision, Span},
    events::{About, Events},
    ledger::Ledger,
    store::{ConfigStore, Edit},
    turns::Turns,
};

/// How many readers of lists have their turn at a time.
const LIST_READERS_MAX: usize = 1;

/// What an operator may do with a ledger's clients.
///
/// Each call is told who calls, reads too, so that access can be judged by caller.
#[derive(Debug)]
pub struct Operator {
    pub(super) ledger: Arc<Ledger>,
    pub(super) store: Box<dyn ConfigStore>,
    pub(super) clients_max: usize,
    pub(super) owned: Owned,
    pub(super) writer: Writer,
    pub(super) revisions: Revisions,
    pub(super) documents: DocumentPlace,
    pub(super) previews: PreviewPlace,
    pub(super) audit: Arc<Audit>,
    pub(super) surroundings: Surroundings,
    pub(super) started: UnixMillis,
    events: Arc<Events>,
    readers: Turns,
    /// Who reads what was decided of late.
    pub(super) past_readers: Turns,
}

impl Operator {
    /// Configures `ledger`, and keeps what it configures in `store`.
    pub fn new(ledger: Arc<Ledger>, store: Box<dyn ConfigStore>) -> Self {
        let events = Events::of(Arc::clone(&ledger));
        Self {
            writer: Writer::new(Arc::clone(&ledger)),
            started: ledger.now(),
            ledger,
            store,
            clients_max: CLIENTS_MAX,
            owned: Owned::default(),
            revisions: Revisions::default(),
            documents: DocumentPlace::default(),
            previews: PreviewPlace::default(),
            audit: Arc::default(),
            surroundings: Surroundings::default(),
            events,
            readers: Turns::new(LIST_READERS_MAX),
            past_readers: Turns::new(LIST_READERS_MAX),
        }
    }

    /// Writes down in `audit` who changes what; without it that is kept in memory.
    #[must_use]
    pub fn audited_in(self, audit: Arc<Audit>) -> Self {
        Self { audit, ..self }
    }

    /// Tells of the process around it what `surroundings` know.
    #[must_use]
    pub fn surrounded_by(self, surroundings: Surroundings) -> Self {
        Self { surroundings, ..self }
    }

    /// Creates a client, or replaces its whole configuration.
    pub async fn set(
        self: &Arc<Self>,
        draft: Draft,
        precondition: Precondition,
        caller: &Caller,
    ) -> Result<Change, OperatorError> {
        let config = draft.validate()?;
        let (operator, caller) = (Arc::clone(self), caller.clone());
        let write = async move {
            let id = config.id.as_str();
            operator.owned.refuse(Kind::Client, id)?;
            let before = operator.ledger.config(id);
            let tag = before.as_ref().map(|_| operator.revisions.client(id));
            precondition.check(Kind::Client, id, tag)?;
            if before.is_none() && operator.ledger.len() >= operator.clients_max {
                return Err(OperatorError::TooManyClients { clients_max: operator.clients_max });
            }
            operator.put(config, before, Write::Replacement, &caller).await
        };
        self.in_turn(write).await
    }

    /// Changes the fields of a client that `draft` has, and keeps all others. What they are is read
    /// in the writer's turn, so that of two changes at a time none is lost.
    pub async fn patch(
        self: &Arc<Self>,
        client: &str,
        draft: Draft,
        precondition: Precondition,
        caller: &Caller,
    ) -> Result<Change, OperatorError> {
        let (operator, caller) = (Arc::clone(self), caller.clone());
        let draft = Draft { addressed_to: Some(client.to_owned()), ..draft };
        let client = client.to_owned();
        let write = async move {
            operator.owned.refuse(Kind::Client, &client)?;
            let before = operator.ledger.config(&client);
            let before = before.ok_or(OperatorError::NotFound(Kind::Client))?;
            precondition.check(Kind::Client, &client, Some(operator.revisions.client(&client)))?;
            let config = draft.apply_to(&before)?;
            operator.put(config, Some(before), Write::Patch, &caller).await
        };
        self.in_turn(write).await
    }

    /// Forgets a client.
    pub async fn remove(
        self: &Arc<Self>,
        client: &str,
        precondition: Precondition,
        caller: &Caller,
    ) -> Result<Removal, OperatorError> {
        let (operator, caller) = (Arc::clone(self), caller.clone());
        let client = client.to_owned();
        let write = async move {
            operator.owned.refuse(Kind::Client, &client)?;
            let config = operator.ledger.config(&client);
            let config = config.ok_or(OperatorError::NotFound(Kind::Client))?;
            precondition.check(Kind::Client, &client, Some(operator.revisions.client(&client)))?;
            let mut edits = operator.removals_of_keys(&client);
            let keys = edits.len();
            let removed = edits.clone();
            let remove = || {
                for edit in &removed {
                    operator.apply_credential(edit);
                }
                operator.ledger.remove(&client);
            };
            edits.push(Edit::RemoveClient(config.id.clone()));
            let revision = operator.store_and_apply(&caller, edits, remove).await?;
            let removal = Removal { config, keys, revision };
            removal.log(&caller);
            Ok(removal)
        };
        self.in_turn(write).await
    }

    /// Fills a client's buckets, whatever it spent or owes, and tells how it then stands.
    pub async fn reset(
        self: &Arc<Self>,
        client: &str,
        precondition: Precondition,
        caller: &Caller,
    ) -> Result<ClientStats, OperatorError> {
        let (operator, caller) = (Arc::clone(self), caller.clone());
        let client = client.to_owned();
        // In the writer's turn, so that it is not lost between the two halves of a write.
        let reset = async move {
            let ledger = &operator.ledger;
            let before = ledger.snapshot(&client);
            let before = before.ok_or(OperatorError::NotFound(Kind::Client))?;
            precondition.check(Kind::Client, &client, Some(operator.revisions.client(&client)))?;
            let entry = operator.write_down(&caller, Deed::reset(&client)).await?;
            let revision = match operator.store.begin_anew(&before.config, &entry).await {
                Ok(revision) => revision,
                Err(error) => {
                    operator.take_back(entry).await;
                    return Err(error.into());
                }
            };
            if revision != Revision::NONE {
                operator.revisions.stored(&Edit::PutClient(before.config.clone()), revision);
                operator.revisions.has_stored(revision);
            }
            let after = ledger.reset(&client).ok_or(OperatorError::NotFound(Kind::Client))?;
            let config = &before.config;
            operator.tell(&entry, Some(About::of(config.id.clone(), config.group.clone())));
            let before = ClientStats::from(&before);
            info!(
                %caller,
                rpm_remaining = before.rpm_remaining,
                tpm_balance = before.tpm_balance,
                "Client {client} was reset: its buckets are full",
            );
            Ok(ClientStats::from(&after))
        };
        self.in_turn(reset).await
    }

    /// What time it is for everything that is configured.
    pub fn now(&self) -> UnixMillis {
        self.ledger.now()
    }

    /// One client's configuration.
    pub fn get(
        &self,
        client: &str,
        _caller: &Caller,
    ) -> Result<Tagged<ClientConfig>, OperatorError> {
        let tag = self.revisions.client(client);
        let value = self.ledger.config(client).ok_or(OperatorError::NotFound(Kind::Client))?;
        Ok(Tagged { value, tag })
    }

    /// What one client did and has left; while a store that is shared is away, as it was seen last.
    pub async fn stats(
        &self,
        client: &str,
        _caller: &Caller,
    ) -> Result<ClientStats, OperatorError> {
        if let Ok(id) = ClientId::try_from(client) {
            let _ = self.ledger.refresh(&[id]).await;
        }
        let snapshot = self.ledger.snapshot(client);
        snapshot.as_ref().map(ClientStats::from).ok_or(OperatorError::NotFound(Kind::Client))
    }

    /// At most `max` configurations, by id, of the clients that come after `after`.
    pub fn configs_after(
        &self,
        after: Option<&ClientId>,
        max: usize,
        _caller: &Caller,
    ) -> Vec<ClientConfig> {
        self.ledger.configs_after(after, max)
    }

    /// The same of the clients of a span.
    pub fn configs_within(&self, span: &Span, max: usize, _caller: &Caller) -> Vec<ClientConfig> {
        self.ledger.configs_within(span, max)
    }

    /// What at most `max` clients of a span did and have left, by id. For threads that may block.
    pub fn stats_within(&self, span: &Span, max: usize, _caller: &Caller) -> Vec<ClientStats> {
        let snapshots = self.ledger.snapshots_everywhere(span, max);
        snapshots.iter().map(ClientStats::from).collect()
    }

    /// Both of at most `max` clients of a span, by id. For threads that may block.
    pub fn clients_within(
        &self,
        span: &Span,
        max: usize,
        _caller: &Caller,
    ) -> Vec<(ClientConfig, ClientStats)> {
        let snapshots = self.ledger.snapshots_everywhere(span, max);
        snapshots
            .into_iter()
            .map(|snapshot| {
                let stats = ClientStats::from(&snapshot);
                (snapshot.config, stats)
            })
            .collect()
    }

    /// All clients and what is written down of them, each as it stands when its turn comes.
    pub fn backup(&self, _caller: &Caller) -> Document {
        Document::of(Arc::clone(&self.ledger), self.ledger.now())
    }

    /// What happens, told to those who listen.
    pub fn events(&self) -> &Arc<Events> {
        &self.events
    }

    /// In whose turn lists are read, by whichever API.
    pub(super) fn readers(&self) -> &Turns {
        &self.readers
    }

    async fn put(
        &self,
        config: ClientConfig,
        before: Option<ClientConfig>,
        write: Write,
        caller: &Caller,
    ) -> Result<Change, OperatorError> {
        let limits = self.ledger.limits();
        judge_client(&config, &limits)?;
        self.judge_identities(&config, |_| true)?;
        let id = config.id.as_str();
        // Of a client that a file had, and that is not configured since, keys may be left.
        let left = if before.is_none() { self.removals_of_keys(id) } else { Vec::new() };
        let mut edits = left.clone();
        edits.push(Edit::PutClient(config.clone()));
        let configure = || {
            for edit in &left {
                self.apply_credential(edit);
            }
            self.ledger.configure(&config);
        };
        let revision = self.store_and_apply(caller, edits, configure).await?;
        let other_limits = !limits.is_empty();
        let change = Change { config, before, write, revision, other_limits };
        change.log(caller);
        Ok(change)
    }

    /// Stores what belongs together, puts it in force, and notes from which write it is.
    pub(super) async fn store_and_apply(
        &self,
        caller: &Caller,
        edits: Vec<Edit>,
        put_in_force: impl FnOnce(),
    ) -> Result<Revision, OperatorError> {
        let edits = Arc::new(edits);
        let deed = self.deed(&edits);
        let about = self.about(&edits);
        let (revision, entry) = self.store_as(caller, deed, Arc::clone(&edits)).await?;
        put_in_force();
        for edit in &*edits {
            self.revisions.stored(edit, revision);
        }
        self.revisions.has_stored(revision);
        self.tell(&entry, about);
        Ok(revision)
    }

    #[cfg(test)]
    fn with_clients_max(self, clients_max: usize) -> Self {
        Self { clients_max, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::{Policy, SystemClock},
        store::NoStore,
    };

    #[tokio::test]
    async fn one_client_too_many_is_refused_and_those_that_are_there_can_still_be_changed() {
        let ledger = Arc::new(Ledger::new(Policy::default(), SystemClock::start()));
        let store = Box::new(NoStore::default());
        let operator = Operator::new(Arc::clone(&ledger), store);
        let operator = Arc::new(operator.with_clients_max(2));
        let set = async |id, rpm| {
            let draft = Draft::new(id, Some(rpm), None);
            operator.set(draft, Precondition::Anything, &Caller::Process).await
        };

        set("a", 1).await.unwrap();
        set("b", 1).await.unwrap();
        let refused = set("c", 1).await.unwrap_err();
        assert!(matches!(refused, OperatorError::TooManyClients { clients_max: 2 }), "{refused}");
        assert!(ledger.config("c").is_none());

        assert!(set("a", 2).await.unwrap().before.is_some());
        operator.remove("b", Precondition::Anything, &Caller::Process).await.unwrap();
        assert!(set("c", 1).await.unwrap().before.is_none());
    }
}
