//! What a token is good for.

use std::fmt;

/// One thing that a token may be good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Scope {
    /// Reading what is configured, statistics and what follows from them.
    Read = 1,
    /// Changing clients, limits and models.
    Write = 1 << 1,
    /// Making and revoking keys of clients.
    Keys = 1 << 2,
    /// Making and revoking tokens: who has it can have every other.
    Tokens = 1 << 3,
    /// Reading the metrics.
    Metrics = 1 << 4,
    /// Asking for decisions, as an Envoy does.
    Decide = 1 << 5,
}

/// A word that is no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of read, write, keys, tokens, metrics and decide")]
pub struct InvalidScope;

impl Scope {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Read, Self::Write, Self::Keys, Self::Tokens, Self::Metrics, Self::Decide];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Keys => "keys",
            Self::Tokens => "tokens",
            Self::Metrics => "metrics",
            Self::Decide => "decide",
        }
    }
}

impl TryFrom<&str> for Scope {
    type Error = InvalidScope;

    fn try_from(word: &str) -> Result<Self, InvalidScope> {
        Self::ALL.into_iter().find(|scope| scope.word() == word).ok_or(InvalidScope)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Several scopes. None includes another: `write` alone reads nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// All scopes.
    pub fn all() -> Self {
        Scope::ALL.into_iter().collect()
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `scope` is among them.
    pub fn has(self, scope: Scope) -> bool {
        self.0 & scope as u8 != 0
    }

    /// Whether all of `others` are among them.
    pub fn have(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Each of them, in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }

    /// As one byte, for what is kept.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// `None` when a bit is none of a scope.
    pub fn from_bits(bits: u8) -> Option<Self> {
        (bits & !Self::all().0 == 0).then_some(Self(bits))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope as u8))
    }
}

/// Their words, with commas.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            f.write_str(scope.word())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_scopes_and_bits_are_kept() {
        let scopes: Scopes =
            ["read", "decide"].map(|word| Scope::try_from(word).unwrap()).into_iter().collect();
        assert_eq!(scopes.to_string(), "read,decide");
        assert_eq!(Scopes::from_bits(scopes.bits()), Some(scopes));
        assert!(scopes.has(Scope::Read) && !scopes.has(Scope::Write));
        assert!(Scopes::all().have(scopes) && !scopes.have(Scopes::all()));
        assert_eq!(Scopes::from_bits(1 << 6), None);
        assert_eq!(Scope::try_from("Read"), Err(InvalidScope));
        assert!(Scopes::default().is_empty());
    }
}
