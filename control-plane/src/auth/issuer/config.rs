//! Which issuer is believed.

use std::path::PathBuf;

/// An issuer of tokens, if one is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerConfig {
    /// The file of its public keys, a JSON Web Key Set; without it no issuer is believed.
    pub jwks_file: Option<PathBuf>,
    /// What it calls itself, in the claim `iss`.
    pub issuer: String,
    /// What it calls this control plane, in the claim `aud`.
    pub audience: String,
    /// The claim that has the scopes.
    pub scopes_claim: String,
}

impl Default for IssuerConfig {
    fn default() -> Self {
        Self {
            jwks_file: None,
            issuer: String::new(),
            audience: String::new(),
            scopes_claim: "scope".to_owned(),
        }
    }
}

impl IssuerConfig {
    /// Whether an issuer is believed of whom too little is said.
    pub fn is_incomplete(&self) -> bool {
        self.jwks_file.is_some() && (self.issuer.is_empty() || self.audience.is_empty())
    }
}
