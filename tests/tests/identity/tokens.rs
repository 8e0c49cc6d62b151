//! Tokens as an issuer signs them, and the filter of Envoy's that verifies them.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The issuer's key, which it shares with Envoy.
const SECRET: &[u8; 32] = b"a secret of 32 bytes for a test!";

/// A token with these claims.
pub(crate) fn token(claims: &Value) -> String {
    let header = json!({"alg": "HS256", "typ": "JWT", "kid": "test"});
    let signed = format!("{}.{}", part(&header), part(claims));
    let signature = base64url(&hmac_sha256(SECRET, signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// Envoy's filter, indented as the filters in its configuration are. A request needs no token: what
/// is then done is the next filter's to say.
pub(crate) fn jwt_authn() -> String {
    let key = base64url(SECRET);
    let jwks = json!({"keys": [{"kty": "oct", "alg": "HS256", "kid": "test", "k": key}]});
    let filter = json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type":
                "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {
                "test": {
                    "issuer": "https://issuer.example",
                    "local_jwks": {"inline_string": jwks.to_string()},
                    "payload_in_metadata": "payload",
                },
            },
            "rules": [{
                "match": {"prefix": "/"},
                "requires": {"requires_any": {"requirements": [
                    {"provider_name": "test"},
                    {"allow_missing": {}},
                ]}},
            }],
        },
    });
    format!("                  - {filter}\n")
}

fn part(json: &Value) -> String {
    base64url(json.to_string().as_bytes())
}

fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut three = [0; 3];
        three[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        let digit = |index: usize| char::from(ALPHABET[(bits >> (18 - 6 * index)) as usize & 63]);
        text.extend((0..=chunk.len()).map(digit));
    }
    text
}

/// RFC 2104.
fn hmac_sha256(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let pad = |byte: u8| {
        let mut block = [byte; 64];
        block.iter_mut().zip(key).for_each(|(block, key)| *block ^= key);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}
