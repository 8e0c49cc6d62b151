//! A whole configuration: what it changes, and how it is put in force.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use foldhash::fast::RandomState;
use limiter::ClientId;
use tokio::task;
use tracing::{info, warn};

use super::{
    Caller, Change, Difference, KeyRemoval, Kind, LimitChange, ModelChange, Operator,
    OperatorError, Precondition, Removal, Replacement, RuleRemoval, Tag, TokenRemoval, Wanted,
    Write,
    audited::Deed,
    plan::{Planning, Scope},
    rules::{Rules, RulesDraft},
};
use crate::{
    clients::{CLIENTS_AT_A_TIME, ClientConfig, Revision},
    credentials::Tokens,
    store::Edit,
};

/// How many changes of one configuration the log tells one by one.
const CHANGES_LOGGED_MAX: usize = 100;

/// How many clients are written before others have their turn on this thread.
const WRITES_AT_A_TIME: usize = 256;

pub(super) type Ids = HashSet<ClientId, RandomState>;

/// Whether a whole configuration is put in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// It is.
    Real,
    /// It is judged, and what it would change is told.
    Dry,
}

/// What is to be done, all of which was judged.
#[derive(Debug)]
pub(super) struct Plan {
    /// What changes, clients last.
    pub(super) edits: Vec<Edit>,
    /// Clients that stay as they are, where that is asked for.
    pub(super) stay: Vec<ClientConfig>,
    /// All limits and models from then on.
    pub(super) rules: Rules,
    /// Those before.
    pub(super) before: RulesDraft,
    pub(super) difference: Difference,
}

impl Operator {
    /// Puts a whole configuration in force: what it does not name is deleted. A file's things have to
    /// be in it as they are.
    pub async fn replace_all(
        self: &Arc<Self>,
        wanted: Wanted,
        run: Run,
        precondition: Precondition,
        caller: &Caller,
    ) -> Result<Replacement, OperatorError> {
        self.replace_all_and_drop((), wanted, run, precondition, caller).await
    }

    /// The same, and drops `held` when there is nothing of `wanted` any more.
    pub(super) async fn replace_all_and_drop(
        self: &Arc<Self>,
        held: impl Send + 'static,
        wanted: Wanted,
        run: Run,
        precondition: Precondition,
        caller: &Caller,
    ) -> Result<Replacement, OperatorError> {
        let (operator, caller) = (Arc::clone(self), caller.clone());
        let write = async move {
            // Dropped last, as what is declared first.
            let _held = held;
            let tag = operator.revisions.all();
            precondition.check_all(tag.clone())?;
            let Plan { edits, rules, before, difference, .. } =
                Box::pin(operator.plan(wanted, &operator.owned)).await?;
            if run == Run::Dry || edits.is_empty() {
                return Ok(Replacement { difference, is_dry_run: run == Run::Dry, tag });
            }
            let edits = Arc::new(edits);
            let deed = Deed::whole(&difference);
            let (revision, entry) = operator.store_as(&caller, deed, Arc::clone(&edits)).await?;
            rules.put_in_force(&operator.ledger);
            let mut log = ChangeLog::of(caller.clone(), &before, revision);
            operator
                .apply(&edits, &mut log, |edit| operator.revisions.stored(edit, revision))
                .await;
            operator.revisions.has_stored(revision);
            operator.tell(&entry, None);
            let tag = operator.revisions.all();
            let replacement = Replacement { difference, is_dry_run: false, tag };
            replacement.log(&caller);
            Ok(replacement)
        };
        self.in_turn(write).await
    }

    /// The tag of everything that is configured.
    pub fn tag(&self, _caller: &Caller) -> Tag {
        self.revisions.all()
    }

    /// What `wanted` changes of what is in force, as far as it is in its scope.
    pub(super) async fn plan(
        &self,
        wanted: Wanted,
        scope: &impl Scope,
    ) -> Result<Plan, OperatorError> {
        let Wanted { clients, limits, models, keys, tokens } = wanted;
        let before = RulesDraft::of(&self.ledger);
        let mut rules = before.clone();
        let mut planning = Planning::within(scope);
        let limits: BTreeMap<_, _> =
            limits.into_iter().map(|limit| (limit.name.clone(), limit)).collect();
        planning.compare(
            Kind::Model,
            &mut rules.models,
            &models,
            |name, patterns| match patterns {
                Some(patterns) => Edit::PutModel(name.clone(), patterns.clone()),
                None => Edit::RemoveModel(name.clone()),
            },
        )?;
        planning.compare(Kind::Limit, &mut rules.limits, &limits, |name, limit| match limit {
            Some(limit) => Edit::PutLimit(limit.clone()),
            None => Edit::RemoveLimit(name.clone()),
        })?;
        let rules = rules.judge()?;

        let ids: Ids = clients.iter().map(|client| client.id.clone()).collect();
        let stays = |id: &ClientId| !ids.contains(id) && !scope.has(Kind::Client, id.as_str());
        self.judge_buckets(rules.limits(), &clients, stays).await?;
        for client in &clients {
            self.judge_identities(client, stays)?;
        }
        self.plan_clients(clients, &ids, &mut planning).await?;
        self.plan_keys(keys.as_ref(), &ids, &mut planning).await?;
        self.plan_tokens(tokens.as_ref(), &mut planning)?;
        let Planning { edits, stay, difference, .. } = planning;
        let (created, deleted) = (difference.created.clients.count, &difference.deleted.clients);
        if self.ledger.len() - deleted.count + created > self.clients_max {
            return Err(OperatorError::TooManyClients { clients_max: self.clients_max });
        }
        Ok(Plan { edits, stay, rules, before, difference })
    }

    /// Deletions come first, so that there are never more clients than before and after.
    async fn plan_clients(
        &self,
        clients: Vec<ClientConfig>,
        ids: &Ids,
        planning: &mut Planning<'_, impl Scope>,
    ) -> Result<(), OperatorError> {
        let mut after = None;
        loop {
            let few = self.ledger.configs_after(after.as_ref(), CLIENTS_AT_A_TIME);
            let Some(last) = few.last() else { break };
            after = Some(last.id.clone());
            for ClientConfig { id, .. } in few {
                if !ids.contains(&id) && planning.scope.has(Kind::Client, id.as_str()) {
                    planning.deletes(Kind::Client, id.as_str(), Edit::RemoveClient(id.clone()))?;
                }
            }
            task::yield_now().await;
        }
        for (index, config) in clients.into_iter().enumerate() {
            let_others_work(index).await;
            let before = self.ledger.config(config.id.as_str());
            if before.as_ref() == Some(&config) {
                planning.stays(config);
                continue;
            }
            let id = config.id.clone();
            let takes = before.as_ref().is_some_and(|before| takes_away(before, &config));
            planning.puts(
                Kind::Client,
                id.as_str(),
                before.is_none(),
                takes,
                Edit::PutClient(config),
            )?;
        }
        Ok(())
    }

    /// Puts in force what was judged and, as far as it has to be, stored; the limits and models of it
    /// are in force. Each thing is `noted` when it is.
    pub(super) async fn apply(
        &self,
        edits: &[Edit],
        log: &mut ChangeLog<'_>,
        noted: impl Fn(&Edit),
    ) {
        for (index, edit) in edits.iter().enumerate() {
            let_others_work(index).await;
            match edit {
                Edit::PutClient(config) => {
                    let before = self.ledger.config(config.id.as_str());
                    self.ledger.configure(config);
                    log.client(config, before);
                }
                Edit::RemoveClient(id) => {
                    if let Some(config) = self.ledger.config(id.as_str()) {
                        self.ledger.remove(id.as_str());
                        log.removed_client(config);
                    }
                }
                Edit::PutKey(_)
                | Edit::RemoveKey { .. }
                | Edit::PutToken(_)
                | Edit::RemoveToken(_) => {
                    log.credential(edit, self.ledger.tokens());
                    self.apply_credential(edit);
                }
                rule => log.rule(rule),
            }
            noted(edit);
        }
    }
}

impl Replacement {
    /// Tells the log who replaced how much: as a warning where something is less limited than before.
    fn log(&self, caller: &Caller) {
        if self.difference.reduced == 0 {
            info!(%caller, "{self}");
        } else {
            warn!(%caller, "{self}");
        }
    }
}

/// Whether a client loses something that it had: a limit, a group, a plan.
fn takes_away(before: &ClientConfig, after: &ClientConfig) -> bool {
    (before.limits.rpm.is_some() && after.limits.rpm.is_none())
        || (before.limits.tpm.is_some() && after.limits.tpm.is_none())
        || (before.min_estimate.is_some() && after.min_estimate.is_none())
        || (before.group.is_some() && after.group.is_none())
        || (before.plan.is_some() && after.plan.is_none())
        || before.identities.as_slice().iter().any(|of| !after.identities.as_slice().contains(of))
        || (before.enabled && !after.enabled)
}

async fn let_others_work(written: usize) {
    if written.is_multiple_of(WRITES_AT_A_TIME) {
        task::yield_now().await;
    }
}

/// Tells the log of a configuration's first changes, but for what is new.
pub(super) struct ChangeLog<'a> {
    caller: Caller,
    before: &'a RulesDraft,
    revision: Revision,
    changes: usize,
}

impl<'a> ChangeLog<'a> {
    pub(super) fn of(caller: Caller, before: &'a RulesDraft, revision: Revision) -> Self {
        Self { caller, before, revision, changes: 0 }
    }

    fn client(&mut self, config: &ClientConfig, before: Option<ClientConfig>) {
        if before.is_some() && self.is_told() {
            let (config, write, revision) = (config.clone(), Write::Replacement, self.revision);
            let other_limits = !self.before.limits.is_empty();
            Change { config, before, write, revision, other_limits }.log(&self.caller);
        }
    }

    fn removed_client(&mut self, config: ClientConfig) {
        if self.is_told() {
            Removal { config, keys: 0, revision: self.revision }.log(&self.caller);
        }
    }

    fn rule(&mut self, edit: &Edit) {
        let (caller, revision) = (self.caller.clone(), self.revision);
        match edit {
            Edit::PutLimit(limit) => {
                let before = self.before.limits.get(&limit.name).cloned();
                if before.is_some() && self.is_told() {
                    LimitChange { limit: limit.clone(), before, revision }.log(&caller);
                }
            }
            Edit::RemoveLimit(name) => {
                if let Some(limit) = self.before.limits.get(name)
                    && self.is_told()
                {
                    RuleRemoval::of_limit(limit).log(&caller);
                }
            }
            Edit::PutModel(name, patterns) => {
                let before = self.before.models.get(name).cloned();
                if before.is_some() && self.is_told() {
                    let (name, patterns) = (name.clone(), patterns.clone());
                    ModelChange { name, patterns, before, revision }.log(&caller);
                }
            }
            Edit::RemoveModel(name) => {
                if let Some(patterns) = self.before.models.get(name)
                    && self.is_told()
                {
                    RuleRemoval::of_model(name, patterns).log(&caller);
                }
            }
            _ => {}
        }
    }

    /// A key or a token that is revoked.
    fn credential(&mut self, edit: &Edit, tokens: &Tokens) {
        let caller = self.caller.clone();
        match edit {
            Edit::RemoveKey { client, public } if self.is_told() => {
                let removal = KeyRemoval { client: client.clone(), public: *public };
                info!(%caller, "{removal}");
            }
            Edit::RemoveToken(public) => {
                if let Some((token, _)) = tokens.get(*public)
                    && self.is_told()
                {
                    let removal = TokenRemoval { name: token.name, public: *public };
                    info!(%caller, "{removal}");
                }
            }
            _ => {}
        }
    }

    fn is_told(&mut self) -> bool {
        self.changes += 1;
        self.changes <= CHANGES_LOGGED_MAX
    }
}
