//! Tokens of an issuer: whose are believed, and for what.

use std::{
    fs,
    path::PathBuf,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use flowguard::auth::{Issuer, IssuerConfig};
use harness::{control_plane::ControlPlane, deadline::eventually_equal, http_client::HttpClient};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::start::{folder, write_token};

/// An issuer's key of 2,048 bits, of which the other half was thrown away once it had signed
/// [`OF_RSA`].
const RSA_MODULUS: &str = "r0LJggJGqsefdnkW4HH7OGz2bSJcOOryNvGtGca3--m2OA8eJxR0nFEFlBVT7antIGFxPsQd599vcE_25ajCkFpd_97NuV-sBYr4oliR8-WTsS9DBw5W9JFm1x_2guC4EPPB-4ihotCkPgHMIxo1xdb_IWkIQn43fq1OYdesEpUhuntDuRBOw7opwHSPHTqkLfojgI0n1LcaY69O4bRhRODw4FNGzHPpIWPyEsEU5ObXR8idi91To15jhIV7cKiJNz8crts-Bx5osN5RjjrJ3DUobeYiElRk9FYNbT_QY3rHXg0hv4UyAM1wPhbyZiog3koNY_WV9sJvT4k1PBdHIw";

/// For alice, with the scope `read`, until 2100.
const OF_RSA: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJmbG93Z3VhcmQiLCJzdWIiOiJhbGljZSIsImV4cCI6NDEwMjQ0NDgwMCwic2NvcGUiOiJyZWFkIn0.HGxZlMoAf-5eHMGLp0Pv3VKe9_f2MgZjrOthMms58yLBuGciExhkO0-AHomVoQI5xD1GEUwiOFdW9eejPUgxw3SsHJAI7sDia0m7Sa4UQxGnk11HXI2Ci-5Fpx9U7t3PSrFsBd8NpP9LvP-JD95PZwyhel8YhPfLfJISGT3VfwZ0QFb3ITPODnYQDVd2q_2pTDDJvgcSmrFDilZQ131f3NSTGTeTzFa1mXuSKO8PnVVuSzKv6MD5xiHgs_47CzNhvYslxWxOV9jOe8vszoOy7egAwp0dy_Khx5pG1wfdYuo0q7eeMicwQSZ9OrVDy1rsGAb1cJpyuKA88TjDoAVKoA";

/// An issuer with a key of each kind that can be made here.
struct Maker {
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
}

impl Maker {
    fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let ec = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let ed = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
        Self {
            ec: EcdsaKeyPair::from_pkcs8(algorithm, ec.as_ref(), &random).expect("a key"),
            ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).expect("a key"),
        }
    }

    fn keys(&self) -> Vec<Value> {
        let point = self.ec.public_key().as_ref();
        let (x, y) = (BASE64.encode(&point[1..33]), BASE64.encode(&point[33..]));
        let ed = BASE64.encode(self.ed.public_key().as_ref());
        vec![
            json!({ "kty": "RSA", "kid": "rsa", "use": "sig", "n": RSA_MODULUS, "e": "AQAB" }),
            json!({ "kty": "EC", "kid": "ec", "alg": "ES256", "crv": "P-256", "x": x, "y": y }),
            json!({ "kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": ed }),
            // None of these signs anything that is believed.
            json!({ "kty": "oct", "kid": "oct", "k": BASE64.encode(b"known to everybody") }),
            json!({ "kty": "OKP", "kid": "enc", "use": "enc", "crv": "Ed25519", "x": ed }),
        ]
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let text = |value: &Value| BASE64.encode(value.to_string());
        let message = format!("{}.{}", text(header), text(claims));
        let bytes = message.as_bytes();
        let signature = match header["alg"].as_str() {
            Some("ES256") => {
                let signed = self.ec.sign(&SystemRandom::new(), bytes).expect("a signature");
                signed.as_ref().to_vec()
            }
            Some("EdDSA") => self.ed.sign(bytes).as_ref().to_vec(),
            _ => ring::hmac::sign(
                &ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"known to everybody"),
                bytes,
            )
            .as_ref()
            .to_vec(),
        };
        format!("{message}.{}", BASE64.encode(signature))
    }

    fn of_ed(&self, claims: &Value) -> String {
        self.sign(&json!({ "alg": "EdDSA", "kid": "ed" }), claims)
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// What a token says that is good, but for what is changed.
fn claims(changed: &Value) -> Value {
    let mut claims = json!({
        "iss": "https://id.example",
        "aud": ["flowguard", "other"],
        "sub": "alice",
        "exp": now() + 600,
        "scope": "openid read",
    });
    for (name, value) in changed.as_object().into_iter().flatten() {
        claims[name] = value.clone();
    }
    claims
}

fn write_keys(folder: &TempDir, keys: &[Value]) -> PathBuf {
    let path = folder.path().join("jwks.json");
    fs::write(&path, json!({ "keys": keys }).to_string()).expect("written");
    path
}

async fn start(folder: &TempDir, jwks: &str) -> ControlPlane {
    let settings = [
        ("ADMIN_AUTH", "required"),
        ("ADMIN_JWKS_FILE", jwks),
        ("ADMIN_JWT_ISSUER", "https://id.example"),
        ("ADMIN_JWT_AUDIENCE", "flowguard"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    ControlPlane::start(settings.into(), folder.path().to_owned()).await
}

/// Status and message of a GET, and of a POST.
async fn answers(control_plane: &ControlPlane, token: &str) -> (u16, u16, String) {
    let client = HttpClient::http1(control_plane.rest_address());
    let bearer = format!("Bearer {token}");
    let get = client.get("/api/v1/clients").header("authorization", &bearer).send().await;
    let post = client.post("/api/v1/clients").header("authorization", &bearer).send().await;
    let message = get.json()["message"].as_str().unwrap_or_default().to_owned();
    (get.status.as_u16(), post.status.as_u16(), message)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_of_the_issuer_are_believed_and_no_others() {
    let (folder, maker) = (folder(), Maker::new());
    let jwks = write_keys(&folder, &maker.keys());
    let control_plane = start(&folder, jwks.to_str().expect("UTF-8")).await;
    let of_ec = maker.sign(&json!({ "alg": "ES256", "kid": "ec" }), &claims(&json!({})));
    for token in [
        OF_RSA.to_owned(),
        of_ec.clone(),
        maker.of_ed(&claims(&json!({}))),
        // Clocks differ by a minute at most.
        maker.of_ed(&claims(&json!({ "exp": now() - 30, "nbf": now() + 30 }))),
        maker.of_ed(&claims(&json!({ "aud": "flowguard", "scope": ["read"] }))),
    ] {
        let (get, post, told) = answers(&control_plane, &token).await;
        assert_eq!((get, post), (200, 403), "{told}");
    }
    let wrote = maker.of_ed(&claims(&json!({ "scope": "write" })));
    assert_eq!(answers(&control_plane, &wrote).await.1, 415, "it may write");

    let header = |alg: &str, kid: &str| json!({ "alg": alg, "kid": kid });
    let good = claims(&json!({}));
    let unsigned = {
        let token = maker.sign(&header("none", "ed"), &good);
        format!("{}.", token.rsplit_once('.').expect("three parts").0)
    };
    let changed = of_ec.replacen('.', ".a", 1);
    let other = Maker::new();
    let malformed =
        "is neither fga_… nor a JSON Web Token that is signed with RS256, ES256 or EdDSA";
    let unknown = "is signed with a key that is not in ADMIN_JWKS_FILE";
    let signature = "has a signature that is wrong";
    let lacks = "lacks one of the claims exp, iss, aud and sub, or has one in another form";
    for (token, told) in [
        (unsigned, malformed),
        (maker.sign(&header("HS256", "ed"), &good), malformed),
        (maker.sign(&header("HS256", "oct"), &good), unknown),
        (maker.sign(&header("HS256", "rsa"), &good), malformed),
        (maker.sign(&header("EdDSA", "enc"), &good), unknown),
        (maker.sign(&header("EdDSA", "ec"), &good), malformed),
        (maker.sign(&json!({ "alg": "EdDSA" }), &good), unknown),
        (other.of_ed(&good), signature),
        (changed, signature),
        (
            maker.of_ed(&claims(&json!({ "iss": "https://evil.example" }))),
            "is of another issuer than ADMIN_JWT_ISSUER",
        ),
        (
            maker.of_ed(&claims(&json!({ "aud": "other" }))),
            "is for another audience than ADMIN_JWT_AUDIENCE",
        ),
        (maker.of_ed(&claims(&json!({ "nbf": now() + 120 }))), "is not valid yet"),
        (maker.of_ed(&claims(&json!({ "exp": now() - 120 }))), "has expired"),
        (maker.of_ed(&claims(&json!({ "exp": null }))), lacks),
        (maker.of_ed(&claims(&json!({ "sub": 5 }))), lacks),
        (maker.of_ed(&claims(&json!({ "iss": null }))), lacks),
        (maker.of_ed(&claims(&json!({ "aud": null }))), lacks),
        ("a.b.c".to_owned(), malformed),
    ] {
        let answered = answers(&control_plane, &token).await;
        assert_eq!(answered, (401, 401, format!("the token {told}")), "{token}");
    }
    let log = control_plane.log();
    let random = of_ec.rsplit('.').next().expect("a signature");
    assert!(!log.contains(random), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_keys_in_the_file_are_in_force_soon() {
    let (folder, first, second) = (folder(), Maker::new(), Maker::new());
    let jwks = write_keys(&folder, &first.keys());
    let control_plane = Arc::new(start(&folder, jwks.to_str().expect("UTF-8")).await);
    let (old, new) = (first.of_ed(&claims(&json!({}))), second.of_ed(&claims(&json!({}))));
    let statuses =
        || async { [answers(&control_plane, &old).await.0, answers(&control_plane, &new).await.0] };
    assert_eq!(statuses().await, [200, 401]);
    write_keys(&folder, &second.keys());
    eventually_equal("the second's alone", [401, 200], statuses).await;
}

/// All three were believed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_several_issuers_or_of_nobody_or_with_something_critical_is_not_believed() {
    let (folder, maker) = (folder(), Maker::new());
    let jwks = write_keys(&folder, &maker.keys());
    let control_plane = start(&folder, jwks.to_str().expect("UTF-8")).await;
    let with = |changed: &Value| maker.of_ed(&claims(changed));
    assert_eq!(answers(&control_plane, &with(&json!({}))).await.0, 200);
    let critical = json!({ "alg": "EdDSA", "kid": "ed", "crit": ["exp2"], "exp2": 1 });
    let lacks = "lacks one of the claims exp, iss, aud and sub, or has one in another form";
    for (token, why) in [
        (with(&json!({ "iss": ["https://id.example", "https://other.example"] })), lacks),
        (with(&json!({ "iss": ["https://id.example"] })), lacks),
        (with(&json!({ "sub": "" })), lacks),
        (maker.sign(&critical, &claims(&json!({}))), "has crit in its header"),
    ] {
        let (get, _, told) = answers(&control_plane, &token).await;
        assert_eq!(get, 401, "{told}");
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn a_file_without_a_key_that_can_be_used_is_refused_in_one_line() {
    let (folder, maker) = (folder(), Maker::new());
    let keys = maker.keys();
    let unnamed = |key: &Value| {
        let mut key = key.clone();
        key.as_object_mut().expect("a key").remove("kid");
        key
    };
    let refusal = |keys: &[Value]| {
        let jwks_file = Some(write_keys(&folder, keys));
        let config = IssuerConfig { jwks_file, ..IssuerConfig::default() };
        Issuer::read(&config).map(drop).map_err(|error| error.to_string())
    };
    let told = "has no key that can be used: it has keys of RS256, ES256 or EdDSA, each with a kid where \
                there are several";
    for wrong in [&[][..], &keys[3..], &[unnamed(&keys[1]), unnamed(&keys[2])]] {
        let refused = refusal(wrong).expect_err("no key");
        assert!(refused.starts_with("ADMIN_JWKS_FILE=/") && refused.ends_with(told), "{refused}");
    }
    assert_eq!(refusal(&[unnamed(&keys[1])]), Ok(()));
    assert_eq!(refusal(&keys), Ok(()));
    let (token, _) = write_token(&folder);
    let config = IssuerConfig { jwks_file: Some(token), ..IssuerConfig::default() };
    let refused = Issuer::read(&config).map(drop).expect_err("no JSON").to_string();
    assert!(refused.contains("is no JSON Web Key Set: "), "{refused}");
}
