//! Tokens that somebody else makes: JSON Web Tokens of an issuer, whose public keys are in a file.

mod claims;
mod config;
mod jws;
mod keys;

use std::sync::Arc;

pub use config::IssuerConfig;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header, errors::ErrorKind};
use limiter::UnixMillis;
use tokio_util::sync::CancellationToken;

use self::{claims::Claims, keys::Keys};
use super::followed::{CredentialFileError, Followed};
use crate::{
    credentials::Scopes,
    excerpt::Excerpt,
    health::{Health, Part},
};

/// How much the issuer's clock and this one may differ.
const CLOCK_SKEW_S: u64 = 60;

/// An issuer whose tokens are believed.
#[derive(Debug)]
pub struct Issuer {
    config: IssuerConfig,
    keys: Followed<Keys>,
}

/// What a token of an issuer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Vouched {
    /// Who it is.
    pub(super) subject: Excerpt,
    /// What they may do.
    pub(super) scopes: Scopes,
    /// Until when.
    pub(super) expires: UnixMillis,
}

/// Why a token of an issuer is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotVouched {
    /// It has not the form of one.
    #[error("is neither fga_… nor a JSON Web Token that is signed with RS256, ES256 or EdDSA")]
    Malformed,
    /// No key of the issuer made it.
    #[error("is signed with a key that is not in ADMIN_JWKS_FILE")]
    UnknownKey,
    /// It was changed, or another key made it.
    #[error("has a signature that is wrong")]
    Signature,
    /// Somebody else made it.
    #[error("is of another issuer than ADMIN_JWT_ISSUER")]
    Issuer,
    /// It is for something else.
    #[error("is for another audience than ADMIN_JWT_AUDIENCE")]
    Audience,
    /// It is not valid yet.
    #[error("is not valid yet")]
    Early,
    /// It was valid.
    #[error("has expired")]
    Expired,
    /// It says that who does not understand some of it must not take it (RFC 7515, section 4.1.11).
    #[error("has crit in its header, and nothing that it can name is understood here")]
    Critical,
    /// A claim is missing.
    #[error("lacks one of the claims exp, iss, aud and sub, or has one in another form")]
    Claims,
}

impl Issuer {
    /// Reads the issuer's keys; `None` where there is no issuer.
    ///
    /// # Errors
    /// The file cannot be read, or has no key that can be used.
    pub fn read(config: &IssuerConfig) -> Result<Option<Self>, CredentialFileError> {
        let Some(path) = &config.jwks_file else { return Ok(None) };
        jws::install();
        let keys = Followed::open("ADMIN_JWKS_FILE", Part::IssuerKeys, path, keys::read)?;
        Ok(Some(Self { config: config.clone(), keys }))
    }

    /// Puts other keys in force when the file has some, and tells `health` while it has none, until
    /// `shutdown`.
    pub async fn follow(&self, health: &Health, shutdown: &CancellationToken) {
        self.keys.follow(health, shutdown).await;
    }

    /// Whom the token is for, if the issuer made it.
    pub(super) fn verify(&self, token: &str) -> Result<Vouched, NotVouched> {
        let header = decode_header(token).map_err(|_| NotVouched::Malformed)?;
        if header.crit.is_some() {
            return Err(NotVouched::Critical);
        }
        let keys: Arc<Keys> = self.keys.content();
        let key = keys.find(header.kid.as_deref()).ok_or(NotVouched::UnknownKey)?;
        let validation = self.validation(key.algorithm);
        let claims: Claims =
            decode(token, &key.public, &validation).map_err(|error| why(error.kind()))?.claims;
        // The library takes a list with the issuer among others.
        if claims.iss != self.config.issuer {
            return Err(NotVouched::Issuer);
        }
        // Nobody could tell from the audit who it was.
        if claims.sub.is_empty() {
            return Err(NotVouched::Claims);
        }
        Ok(Vouched {
            scopes: claims.scopes(&self.config.scopes_claim),
            subject: Excerpt::new(&claims.sub),
            expires: UnixMillis(claims.exp.saturating_add(CLOCK_SKEW_S).saturating_mul(1_000)),
        })
    }

    /// Of a token that a key of this algorithm made: what it says of its algorithm has to be the same.
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = CLOCK_SKEW_S;
        validation.validate_nbf = true;
        validation.set_issuer(&[&self.config.issuer]);
        validation.set_audience(&[&self.config.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation
    }
}

fn why(kind: &ErrorKind) -> NotVouched {
    match kind {
        ErrorKind::ExpiredSignature => NotVouched::Expired,
        ErrorKind::ImmatureSignature => NotVouched::Early,
        ErrorKind::InvalidIssuer => NotVouched::Issuer,
        ErrorKind::InvalidAudience => NotVouched::Audience,
        ErrorKind::InvalidSignature => NotVouched::Signature,
        ErrorKind::MissingRequiredClaim(_)
        | ErrorKind::InvalidClaimFormat(_)
        | ErrorKind::Json(_) => NotVouched::Claims,
        _ => NotVouched::Malformed,
    }
}
