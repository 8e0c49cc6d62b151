//! The calls on keys of clients.

use std::sync::Arc;

use limiter::ClientId;
use tracing::info;

use super::{
    Caller, KeyDraft, KeyRemoval, Kind, NewKey, Operator, OperatorError, Precondition, Tag, Tagged,
};
use crate::{
    credentials::{
        ClientKey, KEYS_A_CLIENT_MAX, KEYS_MAX, KeyStats, PublicPart, Secret, SecretKind,
    },
    store::Edit,
};

impl Operator {
    /// Makes a key of a client, who is known by it with its next request.
    pub async fn create_key(
        self: &Arc<Self>,
        client: &str,
        draft: KeyDraft,
        precondition: Precondition,
        caller: &Caller,
    ) -> Result<NewKey, OperatorError> {
        let validity = draft.validate(self.now())?;
        let (operator, caller) = (Arc::clone(self), caller.clone());
        let client = client.to_owned();
        let write = async move {
            let config = operator.ledger.config(&client);
            let client = config.ok_or(OperatorError::NotFound(Kind::Client))?.id;
            let secret = Secret::new(SecretKind::Key);
            let public = secret.public_part();
            precondition.check(Kind::Key, public.as_str(), None)?;
            operator.judge_key_count(&client)?;
            let key = ClientKey { public, digest: secret.digest(), client, validity };
            let edit = Edit::PutKey(key.clone());
            operator
                .store_and_apply(&caller, vec![edit], || operator.ledger.put_key(key.clone()))
                .await?;
            let new = NewKey { secret, key };
            info!(%caller, "{new}");
            Ok(new)
        };
        self.in_turn(write).await
    }

    /// Revokes a key: from now on nobody is known by it.
    pub async fn remove_key(
        self: &Arc<Self>,
        client: &str,
        public: &str,
        precondition: Precondition,
        caller: &Caller,
    ) -> Result<KeyRemoval, OperatorError> {
        let (operator, caller) = (Arc::clone(self), caller.clone());
        let (client, public) = (client.to_owned(), public.to_owned());
        let write = async move {
            let (key, _) = operator.find_key(&client, &public)?;
            operator.owned.refuse(Kind::Key, &public)?;
            precondition.check(Kind::Key, &public, Some(Tag::of_key(&key)))?;
            let ClientKey { client, public, .. } = key;
            let edit = Edit::RemoveKey { client: client.clone(), public };
            let remove = || {
                operator.ledger.keys().remove(client.as_str(), public);
            };
            operator.store_and_apply(&caller, vec![edit], remove).await?;
            let removal = KeyRemoval { client: client.clone(), public };
            info!(%caller, "{removal}");
            Ok(removal)
        };
        self.in_turn(write).await
    }

    /// All keys of a client, in the order in which they were made.
    pub fn keys(&self, client: &str, _caller: &Caller) -> Result<Vec<ClientKey>, OperatorError> {
        let config = self.ledger.config(client).ok_or(OperatorError::NotFound(Kind::Client))?;
        Ok(self.keys_of(&config.id))
    }

    /// The same of a client that is there.
    pub(super) fn keys_of(&self, client: &ClientId) -> Vec<ClientKey> {
        self.ledger.keys().of(client.as_str()).into_iter().map(|(key, _)| key).collect()
    }

    /// One key of a client, and what came of it.
    pub fn key(
        &self,
        client: &str,
        public: &str,
        _caller: &Caller,
    ) -> Result<Tagged<(ClientKey, KeyStats)>, OperatorError> {
        let (key, stats) = self.find_key(client, public)?;
        let tag = Tag::of_key(&key);
        Ok(Tagged { value: (key, stats), tag })
    }

    fn find_key(&self, client: &str, public: &str) -> Result<(ClientKey, KeyStats), OperatorError> {
        self.ledger.config(client).ok_or(OperatorError::NotFound(Kind::Client))?;
        let public = PublicPart::try_from(public).ok();
        let key = public.and_then(|public| self.ledger.keys().get(client, public));
        key.ok_or(OperatorError::NotFound(Kind::Key))
    }

    /// Refuses one more key of a client where that is one too many.
    fn judge_key_count(&self, client: &ClientId) -> Result<(), OperatorError> {
        let keys = self.ledger.keys();
        if keys.count_of(client.as_str()) >= KEYS_A_CLIENT_MAX {
            return Err(OperatorError::TooManyKeysOfClient { client: client.clone() });
        }
        if keys.len() >= KEYS_MAX { Err(OperatorError::TooManyKeys) } else { Ok(()) }
    }

    /// What has to be done so that a client has no keys, but for those that a file names.
    pub(super) fn removals_of_keys(&self, client: &str) -> Vec<Edit> {
        let keys = self.ledger.keys().of(client).into_iter();
        let keys = keys.filter(|(key, _)| !self.owned.has(Kind::Key, key.public.as_str()));
        keys.map(|(key, _)| Edit::RemoveKey { client: key.client, public: key.public }).collect()
    }

    /// Puts in force what edits of keys and tokens say; all others are not looked at.
    pub(super) fn apply_credential(&self, edit: &Edit) {
        match edit {
            Edit::PutKey(key) => self.ledger.put_key(key.clone()),
            Edit::RemoveKey { client, public } => {
                self.ledger.keys().remove(client.as_str(), *public);
            }
            Edit::PutToken(token) => self.ledger.tokens().put(token.clone()),
            Edit::RemoveToken(public) => {
                self.ledger.tokens().remove(*public);
            }
            Edit::PutClient(_)
            | Edit::RemoveClient(_)
            | Edit::PutLimit(_)
            | Edit::RemoveLimit(_)
            | Edit::PutModel(..)
            | Edit::RemoveModel(_) => {}
        }
    }
}
