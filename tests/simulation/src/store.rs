//! Where configuration is kept: what was acknowledged outlives every fault, and a write without an
//! answer was done whole, or not at all.

use std::{collections::BTreeMap, io::ErrorKind, sync::Arc};

use async_trait::async_trait;
use flowguard::{
    clients::{ClientConfig, Revision},
    limits::{Limit, LimitName, Name, Patterns},
    store::{ConfigStore, Contents, Edit, StoreError},
};
use limiter::ClientId;
use parking_lot::Mutex;

use crate::{
    oracle::{Rules, Wanted},
    rules::word,
};

/// A store that outlives processes; a clone is the same store.
#[derive(Clone, Debug, Default)]
pub(crate) struct DurableStore(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    clients: BTreeMap<ClientId, ClientConfig>,
    limits: BTreeMap<LimitName, Limit>,
    models: BTreeMap<Name, Patterns>,
    newest: u64,
    next: Next,
}

/// What becomes of the next write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Next {
    /// It is done.
    #[default]
    Done,
    /// It is refused, since the disk is full.
    Full,
    /// It is done, and the process dies before it can say so.
    Deadly,
}

impl DurableStore {
    /// Says what becomes of the next write.
    pub(crate) fn next(&self, next: Next) {
        self.0.lock().next = next;
    }

    /// What is configured by now.
    pub(crate) fn wanted(&self) -> BTreeMap<String, Wanted> {
        let state = self.0.lock();
        let wanted = state.clients.iter().map(|(id, config)| (id.to_string(), wanted(config)));
        wanted.collect()
    }

    /// Whether these are the limits and models by now.
    pub(crate) fn has(&self, rules: &Rules) -> bool {
        let state = self.0.lock();
        let models = rules.to_models().to_map();
        state.limits.values().eq(&rules.to_limits()) && state.models == models
    }
}

impl State {
    fn make(&mut self, edits: &[Edit]) {
        for edit in edits.iter().cloned() {
            match edit {
                Edit::PutClient(config) => {
                    self.clients.insert(config.id.clone(), config);
                }
                Edit::RemoveClient(client) => {
                    self.clients.remove(&client);
                }
                Edit::PutLimit(limit) => {
                    self.limits.insert(limit.name.clone(), limit);
                }
                Edit::RemoveLimit(name) => {
                    self.limits.remove(&name);
                }
                Edit::PutModel(name, patterns) => {
                    self.models.insert(name, patterns);
                }
                Edit::RemoveModel(name) => {
                    self.models.remove(&name);
                }
                // No run has keys or tokens: nothing is decided by them.
                Edit::PutKey(_)
                | Edit::RemoveKey { .. }
                | Edit::PutToken(_)
                | Edit::RemoveToken(_) => {}
            }
        }
    }
}

/// A configuration as the oracle knows it.
pub(crate) fn wanted(config: &ClientConfig) -> Wanted {
    Wanted {
        rpm: config.limits.rpm.map(limiter::PerMinute::get),
        tpm: config.limits.tpm.map(limiter::PerMinute::get),
        is_disabled: !config.enabled,
        min_estimate: config.min_estimate.map(limiter::Tokens::get),
        group: config.group.as_ref().and_then(|group| word(group.as_str())),
        plan: config.plan.as_ref().and_then(|plan| word(plan.as_str())),
    }
}

#[async_trait]
impl ConfigStore for DurableStore {
    async fn load(&self) -> Result<Contents, StoreError> {
        let state = self.0.lock();
        let newest = Revision::new(state.newest);
        let clients = state.clients.values().map(|config| (config.clone(), newest)).collect();
        let limits = state.limits.values().map(|limit| (limit.clone(), newest)).collect();
        let models = state.models.clone().into_iter().map(|model| (model, newest)).collect();
        Ok(Contents { clients, limits, models, newest, ..Contents::default() })
    }

    async fn write(&self, edits: Arc<Vec<Edit>>) -> Result<Revision, StoreError> {
        let mut state = self.0.lock();
        match std::mem::take(&mut state.next) {
            Next::Full => return Err(StoreError::Full(ErrorKind::StorageFull.into())),
            Next::Done => state.make(&edits),
            Next::Deadly => {
                state.make(&edits);
                return Err(StoreError::Unavailable("the process dies".into()));
            }
        }
        state.newest += 1;
        Ok(Revision::new(state.newest))
    }
}
