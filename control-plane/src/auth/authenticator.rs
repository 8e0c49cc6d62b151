//! Knows who shows what.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use limiter::UnixMillis;
use tokio_util::sync::CancellationToken;

use super::{
    Config, CredentialFileError, Issuer, Pass, Principal, Refusal, TokenFile, issuer::NotVouched,
    pass::Proof,
};
use crate::{
    credentials::{
        Digest, PublicPart, Scopes, Secret, SecretKind, Token, TokenError, TokenName, Tokens,
    },
    health::Health,
};

/// What the token of the file is called.
const FILE_TOKEN: &str = "ADMIN_TOKEN_FILE";

/// Knows who shows what.
#[derive(Debug)]
pub struct Authenticator {
    tokens: Arc<Tokens>,
    files: CredentialFiles,
}

/// What callers are known by that is in files.
#[derive(Debug, Default)]
pub struct CredentialFiles {
    token: Option<TokenFile>,
    issuer: Option<Issuer>,
}

impl CredentialFiles {
    /// Those that `config` names.
    ///
    /// # Errors
    /// One of them is not what its setting says.
    pub fn read(config: &Config) -> Result<Self, CredentialFileError> {
        Ok(Self {
            token: config.token_file.as_deref().map(TokenFile::read).transpose()?,
            issuer: Issuer::read(&config.issuer)?,
        })
    }
}

impl Authenticator {
    /// Knows these tokens, whichever they become, and what is in files.
    pub fn new(tokens: Arc<Tokens>, files: CredentialFiles) -> Self {
        Self { tokens, files }
    }

    /// Whether there is anything that somebody could show.
    pub fn has_credentials(&self) -> bool {
        let CredentialFiles { token, issuer } = &self.files;
        token.is_some() || issuer.is_some() || !self.tokens.is_empty()
    }

    /// Takes what changes in the files, and tells `health` what is wrong with them, until `shutdown`.
    pub async fn follow_files(
        self: Arc<Self>,
        health: Health,
        shutdown: CancellationToken,
    ) -> Result<(), Infallible> {
        let CredentialFiles { token, issuer } = &self.files;
        let token = async {
            if let Some(token) = token {
                token.follow(&health, &shutdown).await;
            }
        };
        let issuer = async {
            if let Some(issuer) = issuer {
                issuer.follow(&health, &shutdown).await;
            }
        };
        tokio::join!(token, issuer, shutdown.cancelled());
        Ok(())
    }

    /// Who shows this.
    pub(super) fn identify(&self, credential: &str) -> Result<Pass, Refusal> {
        if let Some(issuer) = &self.files.issuer
            && !credential.starts_with(SecretKind::Token.prefix())
        {
            let vouched = issuer.verify(credential)?;
            return Ok(Pass {
                principal: Principal::Subject(vouched.subject),
                scopes: vouched.scopes,
                proof: Proof::Until(vouched.expires),
            });
        }
        let secret = Secret::parse(SecretKind::Token, credential)?;
        self.find(secret.digest(), secret.public_part())
    }

    /// The same pass as it is now, if it still is one.
    pub(super) fn renew(&self, pass: &Pass) -> Result<Pass, Refusal> {
        match (&pass.principal, pass.proof) {
            (Principal::Token { public, .. }, Proof::Token(digest)) => self.find(digest, *public),
            (_, Proof::Until(expires)) if now() > expires => Err(NotVouched::Expired.into()),
            _ => Ok(pass.clone()),
        }
    }

    fn find(&self, digest: Digest, public: PublicPart) -> Result<Pass, Refusal> {
        let of_file = self.files.token.as_ref().map(TokenFile::token);
        if of_file.is_some_and(|token| token.digest == digest)
            && let Some(name) = TokenName::parse(FILE_TOKEN)
        {
            let principal = Principal::Token { name, public };
            return Ok(Pass { principal, scopes: Scopes::all(), proof: Proof::Token(digest) });
        }
        let Token { name, public, scopes, .. } =
            self.tokens.find(&digest, now()).map_err(|error| match error {
                TokenError::Unknown => Refusal::Unknown(public),
                TokenError::Expired(public) => Refusal::Expired(public),
            })?;
        let principal = Principal::Token { name, public };
        Ok(Pass { principal, scopes, proof: Proof::Token(digest) })
    }
}

pub(super) fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
