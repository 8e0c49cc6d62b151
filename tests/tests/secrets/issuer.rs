//! An issuer whose tokens operators show.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use rcgen::{KeyPair, PKCS_ED25519, SigningKey as _};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "flowguard";

pub(crate) struct Issuer(KeyPair);

impl Issuer {
    /// One whose public key stands in `file` then.
    pub(crate) fn new(file: &Path) -> Self {
        let key = KeyPair::generate_for(&PKCS_ED25519).expect("a key");
        let x = BASE64.encode(key.public_key_raw());
        let jwks = json!({"keys": [{"kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": x}]});
        fs::write(file, jwks.to_string()).expect("written");
        Self(key)
    }

    /// A token of somebody until a time in Unix seconds.
    pub(crate) fn token(&self, expires: u64) -> String {
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": expires, "scope": "read write",
        });
        let text = |value: &Value| BASE64.encode(value.to_string());
        let signed = format!("{}.{}", text(&json!({"alg": "EdDSA", "kid": "ed"})), text(&claims));
        let signature = self.0.sign(signed.as_bytes()).expect("a signature");
        format!("{signed}.{}", BASE64.encode(signature))
    }
}
