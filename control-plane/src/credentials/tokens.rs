//! All tokens.

use std::{collections::BTreeMap, fmt, sync::Arc};

use limiter::UnixMillis;
use parking_lot::RwLock;

use super::{Digest, PublicPart, Scopes, TokenError, UnixSeconds, Validity, usage::LastUsed};

/// How many tokens there can be.
pub const TOKENS_MAX: usize = 1_000;

/// Characters in the longest name of a token.
pub const TOKEN_NAME_LEN_MAX: usize = 64;

/// What a token is called, in lists and in the audit: 1 to 64 characters of `A-Z a-z 0-9 . _ : @ + = ~ -`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenName(Arc<str>);

/// Text that is no token's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 characters of A-Z a-z 0-9 . _ : @ + = ~ -")]
pub struct InvalidTokenName;

/// A token, as it is configured: without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What names it to programs.
    pub public: PublicPart,
    /// What finds it.
    pub digest: Digest,
    /// What names it to people.
    pub name: TokenName,
    /// What it is good for.
    pub scopes: Scopes,
    /// How long it is valid.
    pub validity: Validity,
}

/// Every token that is configured.
#[derive(Debug, Default)]
pub struct Tokens {
    /// Ordered by the digest: how far a wrong one agrees with a right one is nothing that whoever sends
    /// it can choose.
    by_digest: RwLock<BTreeMap<Digest, Entry>>,
}

#[derive(Debug)]
struct Entry {
    token: Token,
    last_used: LastUsed,
}

impl TokenName {
    /// It as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        let is_allowed = |byte: u8| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'.' | b'_' | b':' | b'@' | b'+' | b'=' | b'~' | b'-')
        };
        let is_name =
            (1..=TOKEN_NAME_LEN_MAX).contains(&text.len()) && text.bytes().all(is_allowed);
        is_name.then(|| Self(text.into()))
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Tokens {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_digest.read().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Which token it is that somebody shows, which counts as a use of it.
    pub fn find(&self, digest: &Digest, now: UnixMillis) -> Result<Token, TokenError> {
        let tokens = self.by_digest.read();
        let Entry { token, last_used } = tokens.get(digest).ok_or(TokenError::Unknown)?;
        if token.validity.is_over(now) {
            return Err(TokenError::Expired(token.public));
        }
        last_used.note(now);
        Ok(token.clone())
    }

    /// A token that is configured, new or changed.
    pub fn put(&self, token: Token) {
        let mut tokens = self.by_digest.write();
        tokens.retain(|_, entry| entry.token.public != token.public);
        tokens.insert(token.digest, Entry { token, last_used: LastUsed::default() });
    }

    /// Revokes a token: from now on it is nobody's.
    pub fn remove(&self, public: PublicPart) -> Option<Token> {
        let mut tokens = self.by_digest.write();
        let digest = tokens.values().find(|entry| entry.token.public == public)?.token.digest;
        tokens.remove(&digest).map(|entry| entry.token)
    }

    /// One token, and when it was last used, to the minute.
    pub fn get(&self, public: PublicPart) -> Option<(Token, Option<UnixSeconds>)> {
        self.all().into_iter().find(|(token, _)| token.public == public)
    }

    /// All tokens, in the order in which they were made, and when each was last used, to the minute.
    pub fn all(&self) -> Vec<(Token, Option<UnixSeconds>)> {
        let tokens = self.by_digest.read();
        let read = |entry: &Entry| (entry.token.clone(), entry.last_used.get());
        let mut all: Vec<_> = tokens.values().map(read).collect();
        all.sort_by_key(|(token, _)| (token.validity.created, token.public));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::{Scope, Secret, SecretKind};

    const NOW: UnixMillis = UnixMillis(1_000_000_000_000);

    fn token(name: &str) -> Token {
        let secret = Secret::new(SecretKind::Token);
        Token {
            public: secret.public_part(),
            digest: secret.digest(),
            name: TokenName::parse(name).unwrap(),
            scopes: [Scope::Read].into_iter().collect(),
            validity: Validity { created: UnixSeconds::at(NOW), expires: None },
        }
    }

    #[test]
    fn a_token_is_good_until_it_is_revoked_or_expires() {
        let tokens = Tokens::default();
        let (mut token, other) = (token("ci"), token("grafana"));
        tokens.put(token.clone());
        tokens.put(other.clone());
        assert_eq!(tokens.find(&token.digest, NOW), Ok(token.clone()));
        assert_eq!(tokens.get(token.public).unwrap().1, Some(UnixSeconds::at(NOW)));

        token.validity.expires = Some(UnixSeconds::at(NOW));
        tokens.put(token.clone());
        assert_eq!(tokens.find(&token.digest, NOW), Err(TokenError::Expired(token.public)));
        assert_eq!(tokens.len(), 2);

        assert_eq!(tokens.remove(other.public), Some(other.clone()));
        assert_eq!(tokens.find(&other.digest, NOW), Err(TokenError::Unknown));
        assert_eq!(tokens.remove(other.public), None);
        assert_eq!(tokens.all().len(), 1);
    }

    #[test]
    fn what_is_no_name_is_none() {
        for wrong in ["", "a b", "a/b", "é", &"a".repeat(65), "a\n"] {
            assert_eq!(TokenName::parse(wrong), None, "{wrong}");
        }
        assert_eq!(TokenName::parse("ci@example.com").unwrap().as_str(), "ci@example.com");
    }
}
