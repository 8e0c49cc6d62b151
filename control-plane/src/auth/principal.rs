//! Who calls, once that is known.

use std::fmt;

use crate::{
    audit::{Actor, ActorKind},
    credentials::{PublicPart, TokenName},
    excerpt::Excerpt,
};

/// Somebody who showed who they are; as logs name them, without any secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Who has a token.
    Token {
        /// What people call it.
        name: TokenName,
        /// What programs call it.
        public: PublicPart,
    },
    /// Whom an issuer vouches for, as it names them.
    Subject(Excerpt),
}

impl Principal {
    /// As the audit names them.
    pub(crate) fn actor(&self) -> Actor {
        match self {
            Self::Token { name, public } => Actor::token(name.as_str(), *public),
            Self::Subject(subject) => Actor::named(ActorKind::Jwt, subject.to_string()),
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token { name, public } => write!(f, "token {name} ({public})"),
            Self::Subject(subject) => write!(f, "subject {subject}"),
        }
    }
}
