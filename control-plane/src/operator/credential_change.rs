//! What a write did to keys and tokens, as the caller and the log are told: never what the secret is.

use std::fmt;

use limiter::ClientId;

use super::Tag;
use crate::credentials::{ClientKey, PublicPart, Secret, Token, TokenName};

/// A key that was made. It is shown to its caller, this once.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The key itself.
    pub secret: Secret,
    /// What is kept of it.
    pub key: ClientKey,
}

/// A token that was made. It is shown to its caller, this once.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// The token itself.
    pub secret: Secret,
    /// What is kept of it.
    pub token: Token,
}

/// A key that was revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRemoval {
    /// Whose it was.
    pub client: ClientId,
    /// What named it.
    pub public: PublicPart,
}

/// A token that was revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRemoval {
    /// What named it to people.
    pub name: TokenName,
    /// What named it to programs.
    pub public: PublicPart,
}

impl NewKey {
    /// By what it is known from now on.
    pub fn tag(&self) -> Tag {
        Tag::of_key(&self.key)
    }
}

impl NewToken {
    /// By what it is known from now on.
    pub fn tag(&self) -> Tag {
        Tag::of_token(&self.token)
    }
}

/// What to tell the caller.
impl fmt::Display for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ClientKey { public, client, .. } = &self.key;
        write!(f, "Key {public} of client {client} was created: it is shown this once")
    }
}

/// What to tell the caller.
impl fmt::Display for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Token { public, name, .. } = &self.token;
        write!(f, "Token {public} ({name}) was created: it is shown this once")
    }
}

/// What to tell the caller.
impl fmt::Display for KeyRemoval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key {} of client {} was revoked", self.public, self.client)
    }
}

/// What to tell the caller.
impl fmt::Display for TokenRemoval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token {} ({}) was revoked", self.public, self.name)
    }
}
