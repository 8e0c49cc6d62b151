//! The calls on tokens.

use std::sync::Arc;

use tracing::info;

use super::{
    Caller, Kind, NewToken, Operator, OperatorError, Precondition, Tag, Tagged, TokenDraft,
    TokenRemoval,
};
use crate::{
    credentials::{PublicPart, Secret, SecretKind, TOKENS_MAX, Token, UnixSeconds},
    store::Edit,
};

impl Operator {
    /// Makes a token.
    pub async fn create_token(
        self: &Arc<Self>,
        draft: TokenDraft,
        precondition: Precondition,
        caller: &Caller,
    ) -> Result<NewToken, OperatorError> {
        let (name, scopes, validity) = draft.validate(self.now())?;
        let (operator, caller) = (Arc::clone(self), caller.clone());
        let write = async move {
            let secret = Secret::new(SecretKind::Token);
            let public = secret.public_part();
            precondition.check(Kind::Token, public.as_str(), None)?;
            if operator.ledger.tokens().len() >= TOKENS_MAX {
                return Err(OperatorError::TooManyTokens);
            }
            let token = Token { public, digest: secret.digest(), name, scopes, validity };
            let put = || operator.ledger.tokens().put(token.clone());
            operator.store_and_apply(&caller, vec![Edit::PutToken(token.clone())], put).await?;
            let new = NewToken { secret, token };
            info!(%caller, scopes = %new.token.scopes, "{new}");
            Ok(new)
        };
        self.in_turn(write).await
    }

    /// Revokes a token: from now on it is nobody's.
    pub async fn remove_token(
        self: &Arc<Self>,
        public: &str,
        precondition: Precondition,
        caller: &Caller,
    ) -> Result<TokenRemoval, OperatorError> {
        let (operator, caller) = (Arc::clone(self), caller.clone());
        let public = public.to_owned();
        let write = async move {
            let (token, _) = operator.find_token(&public)?;
            operator.owned.refuse(Kind::Token, &public)?;
            precondition.check(Kind::Token, &public, Some(Tag::of_token(&token)))?;
            let remove = || {
                operator.ledger.tokens().remove(token.public);
            };
            operator
                .store_and_apply(&caller, vec![Edit::RemoveToken(token.public)], remove)
                .await?;
            let removal = TokenRemoval { name: token.name.clone(), public: token.public };
            info!(%caller, "{removal}");
            Ok(removal)
        };
        self.in_turn(write).await
    }

    /// All tokens, in the order in which they were made.
    pub fn tokens(&self, _caller: &Caller) -> Vec<Token> {
        self.ledger.tokens().all().into_iter().map(|(token, _)| token).collect()
    }

    /// One token, and when it was last used, to the minute.
    pub fn token(
        &self,
        public: &str,
        _caller: &Caller,
    ) -> Result<Tagged<(Token, Option<UnixSeconds>)>, OperatorError> {
        let (token, last_used) = self.find_token(public)?;
        let tag = Tag::of_token(&token);
        Ok(Tagged { value: (token, last_used), tag })
    }

    fn find_token(&self, public: &str) -> Result<(Token, Option<UnixSeconds>), OperatorError> {
        let public = PublicPart::try_from(public).ok();
        let token = public.and_then(|public| self.ledger.tokens().get(public));
        token.ok_or(OperatorError::NotFound(Kind::Token))
    }
}
