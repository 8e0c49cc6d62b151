//! Which server is meant, and how to be let in.

use std::fmt;

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The number of its database; 0 in a cluster.
    pub database: i64,
    /// By whom its certificate has to be signed; without it the connection is not encrypted.
    pub tls: Option<Trust>,
    /// Who connects.
    pub credentials: Credentials,
}

/// Whose certificates are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Those that the system trusts.
    System,
    /// Those that are signed by these, and no others: a file in PEM.
    Authorities(Vec<u8>),
}

/// Who connects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The user, where it is not the default one.
    pub user: Option<String>,
    /// The password, where there is one.
    pub password: Option<Secret>,
}

/// What is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text, from now on.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}
