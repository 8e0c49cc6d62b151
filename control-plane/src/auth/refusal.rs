//! Why a call is refused, the same for every port.

use std::net::SocketAddr;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use tonic::Status;

use super::{Principal, issuer::NotVouched};
use crate::{
    audit::{self, Actor, ActorKind},
    credentials::{InvalidSecret, PublicPart, Scope, Scopes, TokenError},
    http::{ApiError, ErrorCode},
};

/// Nothing is shown.
const MISSING_TOKEN: ErrorCode =
    ErrorCode { name: "missing_token", status: StatusCode::UNAUTHORIZED };

/// What is shown is nobody's.
const INVALID_TOKEN: ErrorCode =
    ErrorCode { name: "invalid_token", status: StatusCode::UNAUTHORIZED };

/// What is shown was somebody's.
const EXPIRED_TOKEN: ErrorCode =
    ErrorCode { name: "expired_token", status: StatusCode::UNAUTHORIZED };

/// What is shown is not good for this.
const INSUFFICIENT_SCOPE: ErrorCode =
    ErrorCode { name: "insufficient_scope", status: StatusCode::FORBIDDEN };

/// Why a call is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// It shows nothing.
    #[error("this takes a token{}: send it as Authorization: Bearer fga_…", of_scope(*.0))]
    Missing(Option<Scope>),
    /// It shows something else.
    #[error("the Authorization header must be Bearer and a token (fga_…)")]
    NoBearer,
    /// It shows two.
    #[error("the Authorization header is there twice: send one")]
    Twice,
    /// It shows what cannot be a token.
    #[error("the token {0}")]
    NoToken(#[from] InvalidSecret),
    /// It shows a token that is not known.
    #[error("{}", TokenError::Unknown)]
    Unknown(PublicPart),
    /// It shows a token that was good once.
    #[error("{}", TokenError::Expired(*.0))]
    Expired(PublicPart),
    /// It shows what an issuer should have made, and did not.
    #[error("the token {0}")]
    NotVouched(#[from] NotVouched),
    /// It shows a token that is good for something else.
    #[error("this takes the scope {wanted}, and the token has {}", all_of(*.had))]
    InsufficientScope {
        /// Whose it is.
        whose: Principal,
        /// What it takes.
        wanted: Scope,
        /// What the token has.
        had: Scopes,
    },
}

impl Refusal {
    /// Each of the words by which refusals are told apart and counted.
    pub(super) const WORDS: [&str; 4] =
        [MISSING_TOKEN.name, INVALID_TOKEN.name, EXPIRED_TOKEN.name, INSUFFICIENT_SCOPE.name];

    /// One of [`Self::WORDS`].
    pub(super) fn word(&self) -> &'static str {
        self.code().name
    }

    /// Who was refused, as far as what they show says that; for the log.
    pub(super) fn who(&self) -> String {
        match self {
            Self::Unknown(public) | Self::Expired(public) => public.to_string(),
            Self::InsufficientScope { whose, .. } => whose.to_string(),
            _ => String::new(),
        }
    }

    /// As it is written down.
    pub(super) fn audited(&self, call: &str, address: Option<SocketAddr>) -> audit::Refusal {
        let code = self.code();
        let actor = match self {
            Self::Unknown(public) | Self::Expired(public) => Actor::token_not_known(*public),
            Self::InsufficientScope { whose, .. } => whose.actor(),
            _ => Actor::of(ActorKind::Anybody),
        };
        let (status, error) = (code.status.as_u16(), code.name.to_owned());
        audit::Refusal { actor, address, call: call.to_owned(), status, error }
    }

    fn code(&self) -> ErrorCode {
        match self {
            Self::Missing(_) => MISSING_TOKEN,
            Self::Expired(_) | Self::NotVouched(NotVouched::Expired) => EXPIRED_TOKEN,
            Self::NoBearer
            | Self::Twice
            | Self::NoToken(_)
            | Self::Unknown(_)
            | Self::NotVouched(_) => INVALID_TOKEN,
            Self::InsufficientScope { .. } => INSUFFICIENT_SCOPE,
        }
    }

    /// What a client is told of the way in (RFC 6750, section 3).
    fn challenge(&self) -> HeaderValue {
        match self {
            Self::Missing(_) => HeaderValue::from_static("Bearer realm=\"flowguard\""),
            Self::InsufficientScope { wanted, .. } => insufficient(*wanted),
            _ => HeaderValue::from_static("Bearer realm=\"flowguard\", error=\"invalid_token\""),
        }
    }
}

fn insufficient(wanted: Scope) -> HeaderValue {
    let challenge =
        format!("Bearer realm=\"flowguard\", error=\"insufficient_scope\", scope=\"{wanted}\"");
    HeaderValue::try_from(challenge).unwrap_or(HeaderValue::from_static("Bearer"))
}

fn of_scope(scope: Option<Scope>) -> String {
    scope.map(|scope| format!(" with the scope {scope}")).unwrap_or_default()
}

fn all_of(scopes: Scopes) -> String {
    if scopes.is_empty() { "none".to_owned() } else { scopes.to_string() }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let challenge = self.challenge();
        let mut response = ApiError::new(self.code(), self.to_string()).into_response();
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        response
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::InsufficientScope { .. } => Self::permission_denied(refusal.to_string()),
            _ => Self::unauthenticated(refusal.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        credentials::{Secret, SecretKind, TokenName},
        excerpt::Excerpt,
    };

    #[test]
    fn whose_token_is_good_for_something_else_is_written_down_by_name() {
        let public = Secret::new(SecretKind::Token).public_part();
        let name = TokenName::parse("ops").unwrap();
        let token = Principal::Token { name, public };
        let subject = Principal::Subject(Excerpt::new("alice"));
        for whose in [token, subject] {
            let had = Scopes::default();
            let actor = whose.actor();
            let refusal = Refusal::InsufficientScope { whose, wanted: Scope::Write, had };
            let line = refusal.audited("PUT /api/v1/config", None);
            assert_eq!(line.actor, actor);
            assert_ne!(line.actor.kind, ActorKind::Anybody);
        }
    }
}
