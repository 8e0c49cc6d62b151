//! What a whole configuration changes of keys and tokens. One that says nothing of them leaves them as
//! they are, but for the keys of clients that it deletes.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use limiter::ClientId;
use tokio::task;

use super::{
    Kind, Operator, OperatorError,
    everything::Ids,
    plan::{Planning, Scope},
};
use crate::{
    credentials::{ClientKey, KEYS_A_CLIENT_MAX, KEYS_MAX, PublicPart, TOKENS_MAX, Token},
    store::Edit,
};

/// How many keys are looked at before others have their turn on this thread.
const KEYS_IN_A_ROW: usize = 256;

impl Operator {
    /// What becomes of keys, when it is known what becomes of clients: `ids` are all that are named.
    pub(super) async fn plan_keys(
        &self,
        wanted: Option<&BTreeMap<PublicPart, ClientKey>>,
        ids: &Ids,
        planning: &mut Planning<'_, impl Scope>,
    ) -> Result<(), OperatorError> {
        match wanted {
            Some(wanted) => {
                self.plan_deletions_of_keys(wanted, planning).await?;
                self.plan_wanted_keys(wanted, ids, planning).await?;
                if !planning.scope.is_all() {
                    self.plan_keys_of_clients(planning);
                }
            }
            None => self.plan_keys_of_clients(planning),
        }
        let (created, deleted) =
            (planning.difference.created.keys.count, planning.difference.deleted.keys.count);
        let count = (self.ledger.keys().len() + created).saturating_sub(deleted);
        if created > 0 && count > KEYS_MAX {
            return Err(OperatorError::TooManyKeys);
        }
        Ok(())
    }

    /// Whoever is deleted has no keys any more, and whoever is created has none yet.
    fn plan_keys_of_clients(&self, planning: &mut Planning<'_, impl Scope>) {
        let is_all = planning.scope.is_all();
        let mut removals = Vec::new();
        for edit in &planning.edits {
            match edit {
                Edit::RemoveClient(id) => removals.extend(self.removals_of_keys(id.as_str())),
                // A file's clients are those that it had when it was read before.
                Edit::PutClient(config)
                    if is_all && self.ledger.config(config.id.as_str()).is_none() =>
                {
                    removals.extend(self.removals_of_keys(config.id.as_str()));
                }
                _ => {}
            }
        }
        for edit in removals {
            if let Edit::RemoveKey { public, .. } = &edit {
                planning.difference.deleted.add(Kind::Key, public.as_str());
            }
            planning.edits.push(edit);
        }
    }

    async fn plan_deletions_of_keys(
        &self,
        wanted: &BTreeMap<PublicPart, ClientKey>,
        planning: &mut Planning<'_, impl Scope>,
    ) -> Result<(), OperatorError> {
        let mut next = 0;
        loop {
            let mut gone = Vec::new();
            let scope = planning.scope;
            let more = self.ledger.keys().some(&mut next, KEYS_IN_A_ROW, |key| {
                let stays = wanted.get(&key.public).is_some_and(|other| other.client == key.client);
                if !stays && scope.has(Kind::Key, key.public.as_str()) {
                    gone.push((key.client.clone(), key.public));
                }
            });
            for (client, public) in gone {
                planning.deletes(Kind::Key, public.as_str(), Edit::RemoveKey { client, public })?;
            }
            if !more {
                return Ok(());
            }
            task::yield_now().await;
        }
    }

    async fn plan_wanted_keys(
        &self,
        wanted: &BTreeMap<PublicPart, ClientKey>,
        ids: &Ids,
        planning: &mut Planning<'_, impl Scope>,
    ) -> Result<(), OperatorError> {
        let scope = planning.scope;
        let keys = self.ledger.keys();
        let mut counts: HashMap<&ClientId, usize, RandomState> = HashMap::default();
        for (index, key) in wanted.values().enumerate() {
            if index.is_multiple_of(KEYS_IN_A_ROW) {
                task::yield_now().await;
            }
            let ClientKey { public, digest, client, .. } = key;
            if scope.is_all() && !ids.contains(client) {
                let (key, client) = (*public, client.clone());
                return Err(OperatorError::KeyOfNobody { key, client });
            }
            let count = counts.entry(client).or_insert_with(|| {
                let of = keys.of(client.as_str()).into_iter();
                of.filter(|(key, _)| !is_named(&key.public, wanted, scope)).count()
            });
            *count += 1;
            if *count > KEYS_A_CLIENT_MAX {
                return Err(OperatorError::TooManyKeysOfClient { client: client.clone() });
            }
            let before = keys.get(client.as_str(), *public).map(|(key, _)| key);
            if before.as_ref() == Some(key) {
                continue;
            }
            let first = keys.with_digest(digest).map(|key| key.public);
            if let Some(first) = first.filter(|first| !is_named(first, wanted, scope)) {
                let (kind, second) = (Kind::Key, *public);
                return Err(OperatorError::SameSecret { kind, first, second });
            }
            let put = Edit::PutKey(key.clone());
            planning.puts(Kind::Key, public.as_str(), before.is_none(), false, put)?;
        }
        Ok(())
    }

    /// What becomes of tokens.
    pub(super) fn plan_tokens(
        &self,
        wanted: Option<&BTreeMap<PublicPart, Token>>,
        planning: &mut Planning<'_, impl Scope>,
    ) -> Result<(), OperatorError> {
        let Some(wanted) = wanted else { return Ok(()) };
        let there = self.ledger.tokens().all().into_iter();
        let mut there: BTreeMap<_, _> = there.map(|(token, _)| (token.public, token)).collect();
        let edit = |public: &PublicPart, token: Option<&Token>| match token {
            Some(token) => Edit::PutToken(token.clone()),
            None => Edit::RemoveToken(*public),
        };
        planning.compare(Kind::Token, &mut there, wanted, edit)?;
        if there.len() > TOKENS_MAX {
            return Err(OperatorError::TooManyTokens);
        }
        let mut digests = BTreeMap::new();
        for token in there.values() {
            if let Some(first) = digests.insert(token.digest, token.public) {
                let (kind, second) = (Kind::Token, token.public);
                return Err(OperatorError::SameSecret { kind, first, second });
            }
        }
        Ok(())
    }
}

/// Whether a key that is there is one of which the configuration says whether it stays.
fn is_named(
    public: &PublicPart,
    wanted: &BTreeMap<PublicPart, ClientKey>,
    scope: &impl Scope,
) -> bool {
    wanted.contains_key(public) || scope.has(Kind::Key, public.as_str())
}
