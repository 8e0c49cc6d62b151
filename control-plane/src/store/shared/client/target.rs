//! Which servers are meant, and how to be let in.

use std::fmt;

use crate::store::shared::Topology;

/// The servers of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which they are, and how they hang together.
    pub topology: Topology,
    /// By whom their certificates have to be signed; without it no connection is encrypted.
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

impl Target {
    /// These servers, without encryption and as nobody in particular.
    pub fn plain(topology: Topology) -> Self {
        Self { topology, tls: None, credentials: Credentials::default() }
    }
}

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
