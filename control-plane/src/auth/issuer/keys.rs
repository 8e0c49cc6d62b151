//! An issuer's public keys.

use std::{fmt, path::Path};

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse},
};

use crate::{
    auth::followed::{self, Fault},
    counted::counted,
};

/// How long the file may be: some hundred keys.
const BYTES_MAX: u64 = 256 * 1_024;

/// The keys of a file.
pub(super) struct Keys {
    text: Vec<u8>,
    keys: Vec<Key>,
}

/// One key, which makes signatures of one kind.
pub(super) struct Key {
    id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) public: DecodingKey,
}

/// Reads all that can be used. Nothing that is a secret is a public key, and keys for something else
/// than signatures sign nothing.
pub(super) fn read(path: &Path) -> Result<Keys, Fault> {
    let text = followed::bytes(path, BYTES_MAX, "the public keys of an issuer")?;
    let set: JwkSet = serde_json::from_slice(&text)?;
    let keys: Vec<_> = set.keys.iter().filter_map(Key::of).collect();
    let are_named = keys.len() == 1 || keys.iter().all(|key| key.id.is_some());
    if keys.is_empty() || !are_named {
        return Err(Fault::NoKey);
    }
    Ok(Keys { text, keys })
}

impl Keys {
    /// The key that a token names, or the only one where it names none.
    pub(super) fn find(&self, id: Option<&str>) -> Option<&Key> {
        match (id, self.keys.as_slice()) {
            (Some(id), [key]) if key.id.as_deref().is_none_or(|known| known == id) => Some(key),
            (Some(id), keys) => keys.iter().find(|key| key.id.as_deref() == Some(id)),
            (None, [key]) => Some(key),
            (None, _) => None,
        }
    }
}

impl Key {
    fn of(jwk: &Jwk) -> Option<Self> {
        let (algorithm, named) = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                (Algorithm::ES256, KeyAlgorithm::ES256)
            }
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
            }
            _ => return None,
        };
        let common = &jwk.common;
        let is_for_this = common.key_algorithm.as_ref().is_none_or(|known| *known == named)
            && common.public_key_use.as_ref().is_none_or(|is| *is == PublicKeyUse::Signature);
        let public = DecodingKey::from_jwk(jwk).ok().filter(|_| is_for_this)?;
        Some(Self { id: common.key_id.clone(), algorithm, public })
    }
}

impl PartialEq for Keys {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&counted(self.keys.len(), "key"))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.keys.len())
    }
}
