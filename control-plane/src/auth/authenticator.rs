//! Knows who shows what.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use limiter::UnixMillis;

use super::{Pass, Principal, Refusal, TokenFile};
use crate::credentials::{
    Digest, PublicPart, Scopes, Secret, SecretKind, Token, TokenError, TokenName, Tokens,
};

/// What the token of the file is called.
const FILE_TOKEN: &str = "ADMIN_TOKEN_FILE";

/// Knows who shows what.
#[derive(Debug)]
pub struct Authenticator {
    tokens: Arc<Tokens>,
    file: Option<Arc<TokenFile>>,
}

impl Authenticator {
    /// Knows these tokens, and whichever they become.
    pub fn new(tokens: Arc<Tokens>, file: Option<Arc<TokenFile>>) -> Self {
        Self { tokens, file }
    }

    /// Whether there is anything that somebody could show.
    pub fn has_credentials(&self) -> bool {
        self.file.is_some() || !self.tokens.is_empty()
    }

    /// Who shows this.
    pub(super) fn identify(&self, credential: &str) -> Result<Pass, Refusal> {
        let secret = Secret::parse(SecretKind::Token, credential)?;
        self.find(secret.digest(), secret.public_part())
    }

    /// The same pass as it is now, if it still is one.
    pub(super) fn renew(&self, pass: &Pass) -> Result<Pass, Refusal> {
        let Principal::Token { public, .. } = pass.principal;
        self.find(pass.digest, public)
    }

    fn find(&self, digest: Digest, public: PublicPart) -> Result<Pass, Refusal> {
        let of_file = self.file.as_ref().map(|file| file.token());
        if of_file.is_some_and(|token| token.digest == digest)
            && let Some(name) = TokenName::parse(FILE_TOKEN)
        {
            let principal = Principal::Token { name, public };
            return Ok(Pass { principal, digest, scopes: Scopes::all() });
        }
        let Token { name, public, scopes, .. } =
            self.tokens.find(&digest, now()).map_err(|error| match error {
                TokenError::Unknown => Refusal::Unknown(public),
                TokenError::Expired(public) => Refusal::Expired(public),
            })?;
        Ok(Pass { principal: Principal::Token { name, public }, digest, scopes })
    }
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
