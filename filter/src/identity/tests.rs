//! Who asks, of any request.

use proptest::{collection::vec, prelude::*};
use prost::Message as _;
use proto::plugin_config::{self as config, IdentityCert, Mode};

use super::{digest::digest, *};
use crate::header_map::headers;

const KEY: &str = "fgk_abcDEF123456_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG_1a2B3c";
const OTHER: &str = "fgk_other0123456_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG_1a2B3c";

fn identity(kind: config::Identity) -> Identity {
    Identity::new(&PluginConfig { identity: kind, ..PluginConfig::default() }).unwrap()
}

fn api_key() -> Identity {
    identity(config::Identity::ApiKey)
}

fn nothing(_: &[&str]) -> Option<Vec<u8>> {
    panic!("nothing is asked of Envoy")
}

fn by_key(pairs: &[(&str, &str)]) -> Result<Who<'static>, Unauthenticated> {
    match api_key().who(&headers(pairs), nothing).unwrap() {
        Ok(who) => Ok(who),
        Err(Unidentified::Unauthenticated(why)) => Err(why),
        Err(Unidentified::InvalidIdentity) => panic!("a key is no identity"),
    }
}

fn key(text: &str) -> Who<'static> {
    Who::Key(digest(text.as_bytes()))
}

#[test]
fn a_key_is_found_wherever_a_vendors_library_puts_it() {
    let bearer = format!("Bearer {KEY}");
    let lower = format!("bearer   {KEY} ");
    for pair in [
        ("authorization", &*bearer),
        ("authorization", &lower),
        ("authorization", KEY),
        ("x-api-key", KEY),
        ("X-API-Key", KEY),
        ("api-key", KEY),
        ("x-goog-api-key", KEY),
        (":path", &format!("/v1beta/models/gemini:generateContent?alt=sse&key={KEY}")),
    ] {
        assert_eq!(by_key(&[("x-client-id", "a"), pair]), Ok(key(KEY)), "{pair:?}");
    }
}

#[test]
fn what_is_no_key_of_ours_is_not_looked_at() {
    let pairs = [("authorization", "Bearer sk-123"), ("api-key", ""), (":path", "/?key=AIza")];
    assert_eq!(by_key(&pairs), Err(Unauthenticated::NoKey));
    assert_eq!(by_key(&[pairs[0], ("x-api-key", KEY), pairs[1]]), Ok(key(KEY)));
    for elsewhere in ["x_api_key", "proxy-authorization", "cookie"] {
        assert_eq!(by_key(&[(elsewhere, KEY)]), Err(Unauthenticated::NoKey), "{elsewhere}");
    }
}

#[test]
fn one_key_in_two_places_is_one_and_two_are_none() {
    let bearer = format!("Bearer {KEY}");
    assert_eq!(by_key(&[("authorization", &bearer), ("x-api-key", KEY)]), Ok(key(KEY)));
    let in_query = format!("/?key={OTHER}");
    for pairs in [
        [("authorization", &*bearer), ("x-api-key", OTHER)],
        [("x-api-key", KEY), ("x-api-key", KEY)],
        [("x-api-key", KEY), (":path", &in_query)],
        [(":path", &format!("/?key={KEY}&key={KEY}")), ("host", "a")],
    ] {
        assert_eq!(by_key(&pairs), Err(Unauthenticated::SeveralKeys), "{pairs:?}");
    }
}

#[test]
fn text_that_cannot_be_a_key_is_none() {
    let long = format!("fgk_{}", "a".repeat(125));
    assert!(by_key(&[("x-api-key", &long[..128])]).is_ok());
    for wrong in [&*long, "fgk_a,fgk_b", "fgk_a fgk_b", "fgk_\u{e9}", "fgk_a\n", "fgk_a;"] {
        let found = by_key(&[("api-key", wrong), ("x-client-id", "a")]);
        let trimmed = wrong.trim();
        if trimmed == wrong {
            assert_eq!(found, Err(Unauthenticated::InvalidKey), "{wrong}");
        }
    }
}

#[test]
fn other_headers_can_be_named() {
    let of = |names: &[&str], keep_credential| {
        let identity_headers = names.iter().map(|name| (*name).to_owned()).collect();
        let identity = config::Identity::ApiKey;
        let config =
            PluginConfig { identity, identity_headers, keep_credential, ..PluginConfig::default() };
        Identity::new(&config)
    };
    let named = of(&["X-Team-Key"], false).unwrap();
    let shown = headers(&[("x-team-key", KEY), ("x-api-key", OTHER), ("x-client-id", "a")]);
    assert_eq!(named.who(&shown, nothing).unwrap().ok(), Some(key(KEY)));
    assert_eq!(named.taken_off(&shown).headers, ["x-team-key", "x-client-id"]);
    let kept = of(&["X-Team-Key"], true).unwrap();
    assert_eq!(kept.taken_off(&shown).headers, ["x-client-id"]);
    assert_eq!(of(&[], false).unwrap_err(), InvalidIdentity::Headers);
    assert_eq!(of(&["a", "A"], false).unwrap_err(), InvalidIdentity::Headers);
}

#[test]
fn every_credential_and_every_word_of_the_clients_own_is_taken_off() {
    let path = format!("/v1?key={KEY}&alt=sse");
    let sent = headers(&[
        (":path", &*path),
        ("authorization", "Bearer sk-of-its-own"),
        ("x-client-id", "victim"),
        ("X-Client-Id", "other"),
        ("x_client_id", "third"),
        ("x_api_key", KEY),
        ("x-request-id", "1"),
    ]);
    let taken_off = api_key().taken_off(&sent);
    assert_eq!(taken_off.headers, ["authorization", "x-client-id", "x_client_id", "x_api_key"]);
    assert_eq!(taken_off.path.as_deref(), Some(&b"/v1?alt=sse"[..]));
    for kind in [config::Identity::Jwt, config::Identity::Mtls] {
        let taken_off = identity(kind).taken_off(&sent);
        assert_eq!(taken_off.headers, ["x-client-id", "x_client_id"]);
        assert_eq!(taken_off.path, None);
    }
    assert_eq!(identity(config::Identity::Header).taken_off(&sent), TakenOff::default());
}

/// `envoy.config.core.v3.Metadata`, as another reads it.
#[derive(Clone, PartialEq, prost::Message)]
struct Metadata {
    #[prost(btree_map = "string, message", tag = "1")]
    filter_metadata: std::collections::BTreeMap<String, Struct>,
    #[prost(btree_map = "string, bytes", tag = "2")]
    typed_filter_metadata: std::collections::BTreeMap<String, Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Struct {
    #[prost(btree_map = "string, message", tag = "1")]
    fields: std::collections::BTreeMap<String, Value>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Value {
    #[prost(oneof = "Kind", tags = "2, 3, 4, 5")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(string, tag = "3")]
    Text(String),
    #[prost(bool, tag = "4")]
    Bool(bool),
    #[prost(message, tag = "5")]
    Struct(Struct),
}

fn fields<const N: usize>(fields: [(&str, Kind); N]) -> Struct {
    let field = |(name, kind): (&str, Kind)| (name.to_owned(), Value { kind: Some(kind) });
    Struct { fields: fields.into_iter().map(field).collect() }
}

fn text(text: &str) -> Kind {
    Kind::Text(text.to_owned())
}

/// The metadata of a request whose token has these claims.
fn metadata<const N: usize>(claims: [(&str, Kind); N]) -> Vec<u8> {
    let payload = fields([("header", text("x")), ("payload", Kind::Struct(fields(claims)))]);
    let filters = [
        ("envoy.filters.http.jwt_authn", payload),
        ("envoy.filters.http.rbac", fields([("payload", text("not this one"))])),
    ];
    let filter_metadata = filters.map(|(name, of)| (name.to_owned(), of)).into();
    let typed_filter_metadata = [("a".to_owned(), vec![0xff; 300])].into();
    Metadata { filter_metadata, typed_filter_metadata }.encode_to_vec()
}

fn by_claim(metadata: Option<Vec<u8>>) -> Result<Who<'static>, Unidentified> {
    let property = |path: &[&str]| {
        assert_eq!(path, ["metadata"]);
        metadata
    };
    identity(config::Identity::Jwt).who(&headers::<&str>(&[]), property).unwrap()
}

const NO_CLAIM: Unidentified = Unidentified::Unauthenticated(Unauthenticated::NoClaim);

#[test]
fn a_claim_that_is_a_text_says_who_asks() {
    let claims = metadata([("iss", text("https://a.example/")), ("sub", text("alice"))]);
    assert_eq!(by_claim(Some(claims)), Ok(Who::Identity("alice".to_owned())));
    for missing in
        [None, Some(Vec::new()), Some(metadata([("iss", text("a"))])), Some(vec![0xff; 9])]
    {
        assert_eq!(by_claim(missing), Err(NO_CLAIM));
    }
}

#[test]
fn a_claim_that_is_no_text_is_nobodys_even_if_its_bytes_are_those_of_one() {
    let admin = f64::from_le_bytes(*b"admin123");
    for kind in [
        Kind::Number(admin),
        Kind::Bool(true),
        Kind::Struct(fields([("sub", text("alice"))])),
        text(""),
        text("alice\nx-client-id: bob"),
        text("alice\r"),
        text("a\0"),
    ] {
        let claims = metadata([("sub", kind.clone())]);
        assert_eq!(by_claim(Some(claims)), Err(Unidentified::InvalidIdentity), "{kind:?}");
    }
    let admin = text(std::str::from_utf8(&admin.to_le_bytes()).unwrap());
    assert_eq!(by_claim(Some(metadata([("sub", admin)]))), Ok(Who::Identity("admin123".into())));
}

#[test]
fn a_claim_is_looked_for_where_it_is_said_to_stand_and_nowhere_else() {
    let of = |way: &[&str]| {
        let identity_claim = way.iter().map(|name| (*name).to_owned()).collect();
        let identity = config::Identity::Jwt;
        let config = PluginConfig { identity, identity_claim, ..PluginConfig::default() };
        let identity = Identity::new(&config).unwrap();
        let nested = fields([("https://a.example/org.id", text("acme"))]);
        let metadata =
            metadata([("sub", text("alice")), ("https://a.example/", Kind::Struct(nested))]);
        identity.who(&headers::<&str>(&[]), |_| Some(metadata)).unwrap()
    };
    let filter = "envoy.filters.http.jwt_authn";
    let found = of(&[filter, "payload", "https://a.example/", "https://a.example/org.id"]);
    assert_eq!(found, Ok(Who::Identity("acme".into())));
    assert_eq!(of(&[filter, "header"]), Ok(Who::Identity("x".into())));
    for other in [
        &[filter, "sub"][..],
        &[filter, "header", "sub"],
        &["other", "payload", "sub"],
        &[filter, "pay"],
    ] {
        assert_eq!(of(other), Err(NO_CLAIM), "{other:?}");
    }
}

#[test]
fn a_certificate_says_who_asks_by_the_part_that_is_chosen() {
    for (identity_cert, name) in [
        (IdentityCert::Uri, "uri_san_peer_certificate"),
        (IdentityCert::Dns, "dns_san_peer_certificate"),
        (IdentityCert::Digest, "sha256_peer_certificate_digest"),
    ] {
        let identity = config::Identity::Mtls;
        let config = PluginConfig { identity, identity_cert, ..PluginConfig::default() };
        let identity = Identity::new(&config).unwrap();
        let of = |said: Option<&[u8]>| {
            let said = said.map(<[u8]>::to_vec);
            let property = |path: &[&str]| {
                assert_eq!(path, ["connection", name]);
                said
            };
            identity.who(&headers(&[("x-client-id", "bob")]), property).unwrap()
        };
        let spiffe = "spiffe://cluster.local/ns/a/sa/b";
        assert_eq!(of(Some(spiffe.as_bytes())), Ok(Who::Identity(spiffe.into())));
        let none = Unidentified::Unauthenticated(Unauthenticated::NoCertificate);
        assert_eq!(of(None), Err(none));
        assert_eq!(of(Some(b"")), Err(none));
        assert_eq!(of(Some(b"a\nb")), Err(Unidentified::InvalidIdentity));
    }
}

#[test]
fn a_mode_that_asks_nobody_knows_nobody() {
    for mode in [Mode::Off, Mode::Pass] {
        for kind in [config::Identity::ApiKey, config::Identity::Jwt, config::Identity::Mtls] {
            let config = PluginConfig { mode, identity: kind, ..PluginConfig::default() };
            assert_eq!(Identity::new(&config).unwrap_err(), InvalidIdentity::Mode(kind, mode));
        }
        let config = PluginConfig { mode, ..PluginConfig::default() };
        assert!(Identity::new(&config).unwrap().is_header());
    }
}

#[test]
fn no_digest_is_shown_whole() {
    let shown = format!("{:?}", by_key(&[("api-key", KEY)]).unwrap());
    assert!(shown.len() < 16, "{shown}");
}

proptest! {
    #[test]
    fn any_bytes_in_any_header_are_a_key_or_none(
        values in vec((0..6_usize, vec(any::<u8>(), 0..40), any::<bool>()), 0..5),
    ) {
        let names = ["authorization", "x-api-key", ":path", "x-client-id", "x_api_key", "api-key"];
        let fields: Vec<_> = values
            .iter()
            .map(|(name, bytes, is_ours)| {
                let prefix: &[u8] = if *is_ours { b"fgk_" } else { b"" };
                (names[*name], [prefix, bytes].concat())
            })
            .collect();
        let headers = headers(&fields);
        let taken_off = api_key().taken_off(&headers);
        for name in ["authorization", "x-api-key", "x-client-id", "x_api_key", "api-key"] {
            prop_assert_eq!(headers.has(name), taken_off.headers.iter().any(|taken| taken == name));
        }
        if let Some(Ok(Who::Key(found))) = api_key().who(&headers, nothing) {
            let is_shown = fields.iter().any(|(_, value)| digest(value.trim_ascii()) == found);
            prop_assert!(is_shown);
        }
    }

    #[test]
    fn any_bytes_as_metadata_are_a_claim_or_none(bytes in vec(any::<u8>(), 0..200)) {
        let _ = by_claim(Some(bytes));
    }

    #[test]
    fn metadata_that_is_cut_anywhere_is_a_claim_or_none(at in 0..600_usize) {
        let mut bytes = metadata([("sub", text("alice"))]);
        bytes.truncate(at);
        let read = by_claim(Some(bytes));
        prop_assert!(read == Err(NO_CLAIM) || read == Ok(Who::Identity("alice".into())), "{:?}", read);
    }
}
