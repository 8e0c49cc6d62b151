//! What other limits would have done: what is supposed is judged like a write, and decides again what was
//! decided of late. Nothing is written, and nobody waits for it who is decided over.

use std::sync::Arc;

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
    drafts::{Draft, SentDocument, Supposition},
    ledger::{GivenUp, Preview, Supposed},
    limits::ModelName,
    store::Edit,
};

/// Who goes through the past: one at a time, from when what is supposed is there or is long. It takes a
/// processor for a second or more, and the others are to decide.
#[derive(Debug)]
pub(super) struct PreviewPlace(Arc<Semaphore>);

/// While somebody waits for a preview; it is given up when nobody does.
#[derive(Debug, Default)]
struct Awaited(Arc<GivenUp>);

impl Drop for Awaited {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

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

    /// They may be others by the time at which they are looked at.
    fn wants_what_stays(&self) -> bool {
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
    /// it is told: then it ends soon, and the place is taken until nothing is done for it any more.
    pub(super) async fn preview(
        self: &Arc<Self>,
        draft: PreviewDraft,
        place: OwnedSemaphorePermit,
        caller: &Caller,
    ) -> Result<Preview, OperatorError> {
        let supposition = draft.validate()?;
        let awaited = Awaited::default();
        let (operator, caller) = (Arc::clone(self), caller.clone());
        let given_up = Arc::clone(&awaited.0);
        let previewing = task::spawn(async move {
            let _place = place;
            let supposed = operator.suppose(supposition, &caller).await?;
            let going_through =
                task::spawn_blocking(move || operator.ledger.preview_unless(&supposed, &given_up));
            let preview = going_through.await.map_err(|_| OperatorError::Stopping)?;
            // Decisions are kept, since there is a place; it was given up by who is not there any more.
            preview.ok_or(OperatorError::Stopping)
        });
        let preview = previewing.await;
        drop(awaited);
        preview.map_err(|_| OperatorError::Stopping)?
    }

    /// Judges what is supposed like a write.
    async fn suppose(
        &self,
        supposition: Supposition,
        caller: &Caller,
    ) -> Result<Supposed, OperatorError> {
        match supposition {
            Supposition::Nothing => Ok(Supposed::Nothing),
            Supposition::Client(draft) => self.suppose_client(&draft),
            Supposition::Limit(draft) => self.suppose_limit(*draft).await,
            Supposition::Everything(document) => self.suppose_everything(document, caller).await,
        }
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
        document: SentDocument,
        caller: &Caller,
    ) -> Result<Supposed, OperatorError> {
        let reading = task::spawn_blocking(move || {
            let SentDocument { text, notation } = document;
            Wanted::read_as(&text, notation)
        });
        let wanted = reading.await.map_err(|_| OperatorError::Stopping)??;
        may_change(&wanted, caller)?;
        let Plan { edits, rules, stay, .. } = Box::pin(self.plan(wanted, &Everywhere)).await?;
        let mut clients = stay;
        clients.extend(edits.into_iter().filter_map(|edit| match edit {
            Edit::PutClient(config) => Some(config),
            _ => None,
        }));
        let Rules { limits, models } = rules;
        Ok(Supposed::Everything { limits, models, clients: clients.into() })
    }
}
