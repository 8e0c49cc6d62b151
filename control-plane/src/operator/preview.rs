//! What other limits would have done: what is supposed is judged like a write, and decides again what was
//! decided of late. Nothing is written, and nobody waits for it who is decided over.

use std::{collections::HashMap, sync::Arc};

use limiter::ClientId;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task,
};

use super::{
    Caller, Kind, LimitDraft, Operator, OperatorError, PreviewDraft, Wanted,
    document::may_change,
    everything::Plan,
    plan::Scope,
    rules::{Rules, RulesDraft, judge_client},
};
use crate::{
    clients::ClientConfig,
    drafts::{Draft, Supposition},
    ledger::{Preview, Supposed},
    limits::ModelName,
    store::Edit,
};

/// Who goes through the past: one at a time, from the first byte of what is supposed. It takes a
/// processor for a second or more, and the others are to decide.
#[derive(Debug)]
pub(super) struct PreviewPlace(Arc<Semaphore>);

impl Default for PreviewPlace {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

/// A configuration that is put in force nowhere says all that there is, whatever a file owns.
struct Everywhere;

impl Scope for Everywhere {
    fn has(&self, _kind: Kind, _name: &str) -> bool {
        true
    }

    fn refuse(&self, _kind: Kind, _name: &str) -> Result<(), OperatorError> {
        Ok(())
    }

    fn is_all(&self) -> bool {
        true
    }
}

impl Operator {
    /// The one place that there is for a preview, which is not waited for.
    pub(super) fn preview_place(&self) -> Result<OwnedSemaphorePermit, OperatorError> {
        if self.ledger.is_shared() {
            return Err(OperatorError::PreviewOfShared);
        }
        if !self.ledger.keeps_decisions() {
            return Err(OperatorError::PreviewOff);
        }
        let place = Arc::clone(&self.previews.0).try_acquire_owned();
        place.map_err(|_| OperatorError::PreviewBusy)
    }

    /// What becomes of what was decided of late under what is supposed. Whoever asks may be gone before
    /// it is told: the place is taken until then.
    pub(super) async fn preview(
        self: &Arc<Self>,
        draft: PreviewDraft,
        place: OwnedSemaphorePermit,
        caller: &Caller,
    ) -> Result<Preview, OperatorError> {
        let supposed = match draft.validate()? {
            Supposition::Nothing => Supposed::Nothing,
            Supposition::Client(draft) => self.suppose_client(&draft)?,
            Supposition::Limit(draft) => self.suppose_limit(*draft).await?,
            Supposition::Everything(document) => self.suppose_everything(document, caller).await?,
        };
        let ledger = Arc::clone(&self.ledger);
        let going_through = task::spawn_blocking(move || {
            let preview = ledger.preview(&supposed);
            drop((supposed, place));
            preview
        });
        let preview = going_through.await.map_err(|_| OperatorError::Stopping)?;
        preview.ok_or(OperatorError::PreviewOff)
    }

    fn suppose_client(&self, draft: &Draft) -> Result<Supposed, OperatorError> {
        let config = draft.validate()?;
        let is_new = self.ledger.config(config.id.as_str()).is_none();
        if is_new && self.ledger.len() >= self.clients_max {
            return Err(OperatorError::TooManyClients { clients_max: self.clients_max });
        }
        judge_client(&config, &self.ledger.limits())?;
        self.judge_identities(&config, |_| true)?;
        Ok(Supposed::Client(config))
    }

    async fn suppose_limit(&self, draft: LimitDraft) -> Result<Supposed, OperatorError> {
        let limit = draft.validate()?;
        let mut rules = RulesDraft::of(&self.ledger);
        rules.limits.insert(limit.name.clone(), limit.clone());
        let rules = rules.judge()?;
        self.judge_buckets(rules.limits(), &[], |_| true).await?;
        let patterns = match &limit.matches.model {
            Some(ModelName::Named(model)) => self.ledger.models().get(model.as_str()).cloned(),
            Some(ModelName::Other) | None => None,
        };
        Ok(Supposed::Limit(limit, patterns))
    }

    async fn suppose_everything(
        &self,
        document: Vec<u8>,
        caller: &Caller,
    ) -> Result<Supposed, OperatorError> {
        let reading = task::spawn_blocking(move || Wanted::read(&document));
        let wanted = reading.await.map_err(|_| OperatorError::Stopping)??;
        may_change(&wanted, caller)?;
        let Plan { edits, rules, .. } = Box::pin(self.plan(wanted, &Everywhere)).await?;
        let clients = edits.into_iter().filter_map(|edit| match edit {
            Edit::PutClient(config) => Some((config.id.clone(), Some(config))),
            Edit::RemoveClient(id) => Some((id, None)),
            _ => None,
        });
        let clients: HashMap<ClientId, Option<ClientConfig>, _> = clients.collect();
        let Rules { limits, models } = rules;
        Ok(Supposed::Everything { limits, models, clients })
    }
}
