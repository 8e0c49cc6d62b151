//! What is written down of a write before it is done.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{json, value::RawValue};
use tokio::task;
use tracing::warn;

use super::{ByKind, Caller, Difference, Operator, OperatorError};
use crate::{
    audit::{self, Action, Audit, AuditError, Entry, Filter, Object, Page},
    clients::{ClientJson, Revision},
    credentials::{ClientKey, KeyJson, Token, TokenJson},
    limits::{LimitJson, Pattern, Patterns},
    store::Edit,
};

/// How many lines an answer has at most.
pub(super) const ENTRIES_AT_A_TIME_MAX: usize = 1_000;

/// How many it has where nobody says.
pub(super) const ENTRIES_AT_A_TIME: usize = 100;

/// How many names of a list a line has.
const NAMES_TOLD_MAX: usize = 20;

/// What is done to what.
pub(super) struct Deed {
    action: Action,
    object: Object,
    before: Option<Box<RawValue>>,
    after: Option<Box<RawValue>>,
}

impl Operator {
    /// The newest lines of the audit: where a store is shared, of all who share it.
    pub async fn audit(
        &self,
        filter: &Filter,
        max: usize,
        _caller: &Caller,
    ) -> Result<Page, OperatorError> {
        match self.store.audit(filter, max).await {
            Ok(Some(page)) => Ok(page),
            Ok(None) => Ok(self.audit.page(filter, max)),
            Err(error) => {
                // The caller is told that it failed, the log why.
                warn!("the audit cannot be read: {error}");
                Err(OperatorError::AuditUnread(error))
            }
        }
    }

    /// Stores what was judged, once it is written down who does it.
    pub(super) async fn store_as(
        &self,
        caller: &Caller,
        deed: Deed,
        edits: Arc<Vec<Edit>>,
    ) -> Result<(Revision, Entry), OperatorError> {
        let entry = self.write_down(caller, deed).await?;
        match self.store.write_as(edits, &entry).await {
            Ok(revision) => Ok((revision, entry)),
            Err(error) => {
                self.take_back(entry).await;
                Err(error.into())
            }
        }
    }

    /// Writes down what is about to be done, which is done only then.
    pub(super) async fn write_down(
        &self,
        caller: &Caller,
        deed: Deed,
    ) -> Result<Entry, OperatorError> {
        let Deed { action, object, before, after } = deed;
        // In the writer's turn, so nobody else has the next one. What stands in a file has none.
        let is_stored = !matches!(caller, Caller::File(_));
        let change = audit::Change {
            actor: caller.actor(),
            address: caller.address(),
            request_id: caller.request_id(),
            action,
            object,
            before,
            after,
            revision: is_stored.then(|| self.store.next_revision(self.revisions.newest()).get()),
        };
        let now = self.now();
        self.audit_with(move |audit| audit.write(change, now)).await
    }

    /// Writes down that it was not done after all.
    pub(super) async fn take_back(&self, entry: Entry) {
        let now = self.now();
        if let Err(error) = self.audit_with(move |audit| audit.failed(entry, now)).await {
            warn!("the audit says that something was done which was not: {error}");
        }
    }

    /// Does what may wait for a disk where nobody else waits for it.
    async fn audit_with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Audit) -> Result<T, AuditError> + Send + 'static,
    ) -> Result<T, OperatorError> {
        if !self.audit.is_in_files() {
            return Ok(work(&self.audit)?);
        }
        let audit = Arc::clone(&self.audit);
        let done = task::spawn_blocking(move || work(&audit)).await;
        Ok(done.map_err(|_| OperatorError::Stopping)??)
    }

    /// What these edits, which belong together, do; the last one is what they are for.
    pub(super) fn deed(&self, edits: &[Edit]) -> Deed {
        let Some(edit) = edits.last() else { return Deed::whole(&Difference::default()) };
        let (object, before) = match edit {
            Edit::PutClient(config) => self.client_before(config.id.as_str()),
            Edit::RemoveClient(id) => self.client_before(id.as_str()),
            Edit::PutLimit(limit) => self.limit_before(limit.name.as_str()),
            Edit::RemoveLimit(name) => self.limit_before(name.as_str()),
            Edit::PutModel(name, _) | Edit::RemoveModel(name) => {
                let models = self.ledger.models();
                let before = models.get(name.as_str()).and_then(model_json);
                (Object::new("model", name.as_str()), before)
            }
            Edit::PutKey(ClientKey { client, public, .. }) | Edit::RemoveKey { client, public } => {
                let before = self.ledger.keys().get(client.as_str(), *public);
                let name = format!("{client}/{public}");
                (Object::new("key", &name), before.and_then(|(key, _)| raw(&KeyJson::shown(&key))))
            }
            Edit::PutToken(Token { public, .. }) | Edit::RemoveToken(public) => {
                let before = self.ledger.tokens().get(*public);
                let object = Object::new("token", public.as_str());
                (object, before.and_then(|(token, _)| raw(&TokenJson::shown(&token))))
            }
        };
        let after = match edit {
            Edit::PutClient(config) => raw(&ClientJson::from(config)),
            Edit::PutLimit(limit) => raw(&LimitJson::from(limit)),
            Edit::PutModel(_, patterns) => model_json(patterns),
            Edit::PutKey(key) => raw(&KeyJson::shown(key)),
            Edit::PutToken(token) => raw(&TokenJson::shown(token)),
            Edit::RemoveClient(_)
            | Edit::RemoveLimit(_)
            | Edit::RemoveModel(_)
            | Edit::RemoveKey { .. }
            | Edit::RemoveToken(_) => None,
        };
        let action = match (&before, &after) {
            (_, None) => Action::Delete,
            (None, Some(_)) => Action::Create,
            (Some(_), Some(_)) => Action::Change,
        };
        Deed { action, object, before, after }
    }

    fn client_before(&self, id: &str) -> (Object, Option<Box<RawValue>>) {
        let before = self.ledger.config(id);
        (Object::new("client", id), before.and_then(|config| raw(&ClientJson::from(&config))))
    }

    fn limit_before(&self, name: &str) -> (Object, Option<Box<RawValue>>) {
        let limits = self.ledger.limits();
        let before = limits.iter().find(|limit| limit.name.as_str() == name);
        (Object::new("limit", name), before.and_then(|limit| raw(&LimitJson::from(limit))))
    }
}

impl Deed {
    /// A client's buckets are filled.
    pub(super) fn reset(client: &str) -> Self {
        let object = Object::new("client", client);
        Self { action: Action::Reset, object, before: None, after: None }
    }

    /// A whole configuration is put in force.
    pub(super) fn whole(difference: &Difference) -> Self {
        let Difference { created, replaced, deleted, reduced: _ } = difference;
        let after = json!({
            "created": names_json(created),
            "replaced": names_json(replaced),
            "deleted": names_json(deleted),
        });
        let object = Object::configuration();
        Self { action: Action::Apply, object, before: None, after: raw(&after) }
    }
}

/// Of each kind how many there are, and the first of them.
fn names_json(names: &ByKind) -> serde_json::Value {
    let told = names.all().into_iter().filter(|(_, names)| names.count > 0).map(|(kind, names)| {
        let first: Vec<_> = names.told.iter().take(NAMES_TOLD_MAX).collect();
        (format!("{}s", kind.word()), json!({ "count": names.count, "first": first }))
    });
    serde_json::Value::Object(told.collect())
}

fn model_json(patterns: &Patterns) -> Option<Box<RawValue>> {
    raw(&patterns.as_slice().iter().map(Pattern::as_str).collect::<Vec<_>>())
}

fn raw(value: &impl Serialize) -> Option<Box<RawValue>> {
    serde_json::value::to_raw_value(value).ok()
}
