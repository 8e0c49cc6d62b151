//! What can be configured.

use std::fmt;

use crate::excerpt::Excerpt;

/// A kind of thing that is configured, each by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A client.
    Client,
    /// A limit beside clients' own.
    Limit,
    /// A model that limits can name.
    Model,
    /// A key of a client.
    Key,
    /// A token.
    Token,
}

impl Kind {
    /// What it is called wherever it is named.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Limit => "limit",
            Self::Model => "model",
            Self::Key => "key",
            Self::Token => "token",
        }
    }

    /// One of them, in a message.
    pub(super) fn named(self, name: &str) -> String {
        format!("{self} {}", Excerpt::quoted(name))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
