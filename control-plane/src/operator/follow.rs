//! What other processes write to a store that they share with this one, put in force here.

use std::{collections::HashSet, convert::Infallible, sync::Arc, time::Duration};

use foldhash::fast::RandomState;
use limiter::ClientId;
use tokio::{
    task,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{FollowMetrics, Kind, Operator, OperatorError, rules::RulesDraft};
use crate::{
    clients::{CLIENTS_AT_A_TIME, Revision},
    credentials::{ClientKey, PublicPart, Token},
    health::{Health, Part},
    store::{Contents, Edit, Lost, WrittenSince},
};

/// How often a store that is shared is asked what others wrote: what they write is in force within a
/// second, whatever one answer of it takes.
const ASK_INTERVAL: Duration = Duration::from_millis(250);

/// How many clients are put in force before others have their turn on this thread.
const CLIENTS_IN_A_ROW: usize = 256;

impl Operator {
    /// Does `write` when it is its turn, here and in the store, on top of all that others wrote.
    pub(super) async fn in_turn<T: Send + 'static>(
        self: &Arc<Self>,
        write: impl Future<Output = Result<T, OperatorError>> + Send + 'static,
    ) -> Result<T, OperatorError> {
        let operator = Arc::clone(self);
        let in_turn = async move {
            let others = operator.store.begin_turn(operator.revisions.newest()).await?;
            let done = match operator.put_in_force(others).await {
                Ok(()) => write.await,
                Err(error) => Err(error),
            };
            operator.store.end_turn().await;
            done
        };
        self.writer.run(in_turn).await
    }

    /// Asks the store again and again what others wrote, and puts it in force.
    pub async fn follow(
        self: Arc<Self>,
        health: Health,
        metrics: FollowMetrics,
        shutdown: CancellationToken,
    ) -> Result<(), Infallible> {
        let mut asks = interval(ASK_INTERVAL);
        asks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failed = None;
        while shutdown.run_until_cancelled(asks.tick()).await.is_some() {
            self.ledger.tell_tallies().await;
            match self.catch_up().await {
                Ok(()) => {
                    metrics.caught_up();
                    if failed.take().is_some() {
                        info!("what others configure is read again");
                    }
                    health.recover(Part::Configuration);
                }
                Err(OperatorError::Stopping) => break,
                Err(error) => {
                    let told = match error {
                        OperatorError::Store(cause) => cause.to_string(),
                        error => error.to_string(),
                    };
                    if failed.as_ref() != Some(&told) {
                        warn!("what others configure cannot be put in force: {told}");
                    }
                    failed = Some(told);
                    health.degrade(
                        Part::Configuration,
                        "what others configure cannot be read: what is in force may be old".into(),
                    );
                }
            }
        }
        Ok(())
    }

    async fn catch_up(self: &Arc<Self>) -> Result<(), OperatorError> {
        let operator = Arc::clone(self);
        let catch_up = async move {
            let others = operator.store.written_since(operator.revisions.newest()).await?;
            operator.put_in_force(others).await
        };
        self.writer.run_untold(catch_up).await
    }

    /// Puts in force what others wrote, but for what a file owns here.
    async fn put_in_force(&self, others: WrittenSince) -> Result<(), OperatorError> {
        let (edits, newest) = match others {
            WrittenSince::Nothing => return Ok(()),
            WrittenSince::Edits { edits, newest } => (edits, newest),
            WrittenSince::Everything(contents) => {
                tell_of(contents.lost);
                self.edits_towards(contents)
            }
        };
        if edits.is_empty() {
            self.revisions.has_stored(newest);
            return Ok(());
        }
        let told = self.others(&edits);
        let mut rules = RulesDraft::of(&self.ledger);
        let before = rules.clone();
        let (mut clients, mut credentials) = (Vec::new(), Vec::new());
        for (edit, revision) in edits {
            let (kind, name) = edit.of_what();
            if self.owned.refuse(kind, name).is_err() {
                continue;
            }
            match &edit {
                Edit::PutLimit(limit) => {
                    rules.limits.insert(limit.name.clone(), limit.clone());
                }
                Edit::RemoveLimit(name) => {
                    rules.limits.remove(name);
                }
                Edit::PutModel(name, patterns) => {
                    rules.models.insert(name.clone(), patterns.clone());
                }
                Edit::RemoveModel(name) => {
                    rules.models.remove(name);
                }
                Edit::PutClient(_) | Edit::RemoveClient(_) => {
                    clients.push((edit, revision));
                    continue;
                }
                Edit::PutKey(_)
                | Edit::RemoveKey { .. }
                | Edit::PutToken(_)
                | Edit::RemoveToken(_) => {
                    credentials.push(edit);
                    continue;
                }
            }
            self.revisions.stored(&edit, revision);
        }
        if rules != before {
            rules.judge()?.put_in_force(&self.ledger);
        }
        let mut removed = 0_usize;
        let mut written = 0_usize;
        for (index, (edit, revision)) in clients.into_iter().enumerate() {
            if index.is_multiple_of(CLIENTS_IN_A_ROW) {
                task::yield_now().await;
            }
            match &edit {
                Edit::PutClient(config) => {
                    self.ledger.configure(config);
                    written += 1;
                }
                Edit::RemoveClient(id) => {
                    self.ledger.remove(id.as_str());
                    removed += 1;
                }
                _ => {}
            }
            self.revisions.stored(&edit, revision);
        }
        for (index, edit) in credentials.iter().enumerate() {
            if index.is_multiple_of(CLIENTS_IN_A_ROW) {
                task::yield_now().await;
            }
            self.apply_credential(edit);
        }
        self.revisions.has_stored(newest);
        self.tell_of_others(told, newest);
        info!(
            revision = newest.get(),
            clients = written,
            clients_removed = removed,
            keys_and_tokens = credentials.len(),
            "what others configured is in force"
        );
        Ok(())
    }

    /// What has to be done so that `contents` is in force, and nothing else.
    fn edits_towards(&self, contents: Contents) -> (Vec<(Edit, Revision)>, Revision) {
        let Contents { clients, limits, models, keys, tokens, newest, lost: _ } = contents;
        let mut edits = Vec::new();
        let ids: HashSet<_, RandomState> = clients.iter().map(|(one, _)| one.id.clone()).collect();
        let mut after: Option<ClientId> = None;
        loop {
            let few = self.ledger.configs_after(after.as_ref(), CLIENTS_AT_A_TIME);
            let Some(last) = few.last() else { break };
            after = Some(last.id.clone());
            let gone = few.into_iter().filter(|config| !ids.contains(&config.id));
            edits.extend(gone.map(|config| (Edit::RemoveClient(config.id), newest)));
        }
        let there = RulesDraft::of(&self.ledger);
        let gone = there.limits.into_keys();
        let gone = gone.filter(|name| !limits.iter().any(|(limit, _)| limit.name == *name));
        edits.extend(gone.map(|name| (Edit::RemoveLimit(name), newest)));
        let gone = there.models.into_keys();
        let gone = gone.filter(|name| !models.iter().any(|((model, _), _)| model == name));
        edits.extend(gone.map(|name| (Edit::RemoveModel(name), newest)));
        edits.extend(clients.into_iter().map(|(one, of)| (Edit::PutClient(one), of)));
        edits.extend(limits.into_iter().map(|(one, of)| (Edit::PutLimit(one), of)));
        let models = models.into_iter();
        edits.extend(models.map(|((name, of), at)| (Edit::PutModel(name, of), at)));
        self.keys_towards(keys, newest, &mut edits);
        self.tokens_towards(tokens, newest, &mut edits);
        (edits, newest)
    }
}

impl Operator {
    /// Keys that are as they should be stay so, with what was counted of them.
    fn keys_towards(
        &self,
        keys: Vec<(ClientKey, Revision)>,
        newest: Revision,
        edits: &mut Vec<(Edit, Revision)>,
    ) {
        let there = self.ledger.keys();
        let named: HashSet<_, RandomState> = keys.iter().map(|(key, _)| name_of(key)).collect();
        let (mut next, mut gone) = (0, Vec::new());
        while there.some(&mut next, CLIENTS_AT_A_TIME, |key| {
            if !named.contains(&name_of(key)) {
                gone.push(Edit::RemoveKey { client: key.client.clone(), public: key.public });
            }
        }) {}
        edits.extend(gone.into_iter().map(|edit| (edit, newest)));
        let others = keys
            .into_iter()
            .filter(|(key, _)| there.with_digest(&key.digest).as_ref() != Some(key));
        edits.extend(others.map(|(key, of)| (Edit::PutKey(key), of)));
    }

    fn tokens_towards(
        &self,
        tokens: Vec<(Token, Revision)>,
        newest: Revision,
        edits: &mut Vec<(Edit, Revision)>,
    ) {
        let there = self.ledger.tokens().all();
        let gone = there
            .iter()
            .filter(|(token, _)| tokens.iter().all(|(one, _)| one.public != token.public));
        edits.extend(gone.map(|(token, _)| (Edit::RemoveToken(token.public), newest)));
        let others =
            tokens.into_iter().filter(|(token, _)| there.iter().all(|(one, _)| one != token));
        edits.extend(others.map(|(token, of)| (Edit::PutToken(token), of)));
    }
}

/// What there is once of a key.
fn name_of(key: &ClientKey) -> (PublicPart, ClientId) {
    (key.public, key.client.clone())
}

/// Says that something is gone from the store that no control plane removed. It is in force nowhere from now
/// on: of what the store does not have every control plane would know something else.
fn tell_of(lost: Lost) {
    let Lost { clients, limits, models, keys, tokens } = lost;
    if !lost.is_nothing() {
        warn!(
            clients,
            limits,
            models,
            keys,
            tokens,
            "the shared store has lost what was configured, or somebody deleted it there: no control plane \
             did, and it is in force no more; configure it again"
        );
    }
}

impl Edit {
    /// What it is about.
    pub(super) fn of_what(&self) -> (Kind, &str) {
        match self {
            Self::PutClient(config) => (Kind::Client, config.id.as_str()),
            Self::RemoveClient(id) => (Kind::Client, id.as_str()),
            Self::PutLimit(limit) => (Kind::Limit, limit.name.as_str()),
            Self::RemoveLimit(name) => (Kind::Limit, name.as_str()),
            Self::PutModel(name, _) | Self::RemoveModel(name) => (Kind::Model, name.as_str()),
            Self::PutKey(ClientKey { public, .. }) | Self::RemoveKey { public, .. } => {
                (Kind::Key, public.as_str())
            }
            Self::PutToken(Token { public, .. }) | Self::RemoveToken(public) => {
                (Kind::Token, public.as_str())
            }
        }
    }
}
