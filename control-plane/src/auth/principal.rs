//! Who calls, once that is known.

use std::fmt;

use crate::{
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

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token { name, public } => write!(f, "token {name} ({public})"),
            Self::Subject(subject) => write!(f, "subject {subject}"),
        }
    }
}
