//! Keys of clients, tokens and identities, over both APIs: shown once, found by what they are, and gone
//! with the next request.

use flowguard::{
    clients::Revision,
    credentials::{Digest, KeyError, Secret, SecretKind, TokenError},
    operator::{Caller, start},
};
use proto::api::{
    CreateKeyRequest, CreateTokenRequest, DeleteKeyRequest, DeleteTokenRequest, GetKeyRequest,
    GetTokenRequest, ListKeysRequest, ListTokensRequest,
};
use serde_json::Value;
use tonic::Code;

use crate::{
    grpc,
    rules::send,
    world::{Reply, World, refused},
};

const YEAR_2100: &str = "2100-01-01T00:00:00Z";
const NOW: &str = "2023-11-14T22:13:20Z";

fn json(reply: &Reply) -> Value {
    serde_json::from_str(&reply.body).expect("JSON")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// A key of `client`: its text and its public part.
async fn new_key(world: &World, client: &str, body: &str) -> (String, String) {
    let reply = world.post(&format!("/api/v1/clients/{client}/keys"), body.to_owned()).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let answer = json(&reply);
    let key = text(&answer["key"]).to_owned();
    (key, text(&answer["config"]["public_part"]).to_owned())
}

fn owner(world: &World, key: &str) -> Result<String, KeyError> {
    let found = world.ledger.find_key(&Digest::of(key.as_bytes()));
    found.map(|found| found.client.to_string())
}

#[tokio::test]
async fn a_key_is_shown_once_and_its_client_is_known_by_it_until_it_is_revoked() {
    let world = World::new();
    world.configure("a", Some(60), None).await;
    let reply = world.post("/api/v1/clients/a/keys", format!(r#"{{"expires_at":"{YEAR_2100}"}}"#));
    let reply = reply.await;
    assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (201, Some("no-store")));
    let answer = json(&reply);
    let key = Secret::parse(SecretKind::Key, text(&answer["key"])).expect("a key");
    let part = key.public_part();
    let config = format!(
        r#"{{"public_part":"{part}","client_id":"a","created_at":"{NOW}","expires_at":"{YEAR_2100}"}}"#
    );
    let message = format!("Key {part} of client a was created: it is shown this once");
    let expected = format!(
        r#"{{"success":true,"message":"{message}","key":"{}","config":{config}}}"#,
        key.expose()
    );
    reply.is(201, &expected);
    let tag = reply.header("etag").expect("a tag").to_owned();
    assert_eq!(owner(&world, key.expose()), Ok("a".to_owned()));

    let path = format!("/api/v1/clients/a/keys/{part}");
    let found = world.ledger.find_key(&key.digest()).expect("it is there");
    found.decided(true);
    found.decided(false);
    found.used(7);
    let shown = world.get(&path).await;
    let head = &config[..config.len() - 1];
    let figures = r#""total_requests":2,"success_requests":1,"dropped_requests":1,"tokens_used":7"#;
    shown.is(200, &format!(r#"{head},"last_used_at":"{NOW}",{figures}}}"#));
    assert_eq!(shown.header("etag"), Some(&*tag));
    let list = format!(r#"{{"keys":{{"{part}":{config}}},"count":1}}"#);
    world.get("/api/v1/clients/a/keys").await.is(200, &list);

    let refused = send(&world, "DELETE", &path, "\"0\"", "").await.error();
    assert_eq!((refused.0, refused.1.as_str()), (412, "revision_mismatch"), "{}", refused.2);
    let revoked = format!(r#"{{"success":true,"message":"Key {part} of client a was revoked"}}"#);
    send(&world, "DELETE", &path, &tag, "").await.is(200, &revoked);
    assert_eq!(owner(&world, key.expose()), Err(KeyError::Unknown));
    world.get(&path).await.is_error(404, "key_not_found", "Key not found");
    world.delete(&path).await.is_error(404, "key_not_found", "Key not found");
    world.get("/api/v1/clients/a/keys").await.is(200, r#"{"keys":{},"count":0}"#);
}

#[tokio::test]
async fn a_key_needs_no_body_and_one_that_is_wrong_is_told_whole() {
    let world = World::new();
    world.configure("a", None, None).await;
    let reply = send(&world, "POST", "/api/v1/clients/a/keys", "", "").await;
    assert_eq!(reply.error().0, 400, "a body that is declared as JSON is JSON");
    let request = axum::http::Request::post("/api/v1/clients/a/keys");
    let request = request.body(axum::body::Body::empty()).expect("a request");
    assert_eq!(crate::world::reply(world.rest(), request).await.status, 201);

    let wrong = format!(r#"{{"expires_at":"{NOW}","name":"x"}}"#);
    world.post("/api/v1/clients/a/keys", wrong).await.is_error(
        400,
        "invalid_field",
        &format!(
            "expires_at must be null or a time to come, in RFC 3339 and before 2106-02-07, as in \
             \"2027-01-31T12:00:00Z\", not \"{NOW}\"; \"name\" is not a field: expires_at is the only one"
        ),
    );
    for path in ["/api/v1/clients/b/keys", "/api/v1/clients/b/keys/AbCdEfGhIj12"] {
        world.get(path).await.is_error(404, "client_not_found", "Client not found");
    }
    let nobodys = world.post("/api/v1/clients/b/keys", "{}").await;
    nobodys.is_error(404, "client_not_found", "Client not found");
}

#[tokio::test]
async fn a_key_expires_at_the_time_that_it_names() {
    let world = World::new();
    world.configure("a", None, None).await;
    let (key, part) = new_key(&world, "a", r#"{"expires_at":"2023-11-14T22:13:21.5Z"}"#).await;
    world.later(999);
    assert_eq!(owner(&world, &key), Ok("a".to_owned()));
    world.later(1);
    let refused = owner(&world, &key).expect_err("it has expired");
    assert_eq!(refused.to_string(), format!("the key {part} has expired"));
}

#[tokio::test]
async fn a_client_that_is_deleted_takes_its_keys_with_it_for_good() {
    let world = World::new();
    world.configure("a", None, None).await;
    world.configure("b", None, None).await;
    let (first, _) = new_key(&world, "a", "{}").await;
    let (second, _) = new_key(&world, "a", "{}").await;
    let (other, _) = new_key(&world, "b", "{}").await;
    let deleted = r#"{"success":true,"message":"Client a was deleted, and 2 keys with it"}"#;
    world.delete("/api/v1/clients/a").await.is(200, deleted);
    world.configure("a", None, None).await;
    for key in [first, second] {
        assert_eq!(owner(&world, &key), Err(KeyError::Unknown));
    }
    assert_eq!(owner(&world, &other), Ok("b".to_owned()));
}

#[tokio::test]
async fn a_client_has_a_hundred_keys_at_most() {
    let world = World::new();
    world.configure("a", None, None).await;
    for _ in 0..100 {
        new_key(&world, "a", "{}").await;
    }
    world.post("/api/v1/clients/a/keys", "{}").await.is_error(
        507,
        "too_many_keys",
        "client a can have 100 keys: revoke one of them first",
    );
}

#[tokio::test]
async fn a_token_is_shown_once_and_good_until_it_is_revoked() {
    let world = World::new();
    let body = r#"{"name":"ci","scopes":["metrics","read"]}"#;
    let reply = world.post("/api/v1/tokens", body).await;
    assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (201, Some("no-store")));
    let answer = json(&reply);
    let token = Secret::parse(SecretKind::Token, text(&answer["token"])).expect("a token");
    let part = token.public_part();
    let config = format!(
        r#"{{"public_part":"{part}","name":"ci","scopes":["read","metrics"],"created_at":"{NOW}"}}"#
    );
    let message = format!("Token {part} (ci) was created: it is shown this once");
    let expected = format!(
        r#"{{"success":true,"message":"{message}","token":"{}","config":{config}}}"#,
        token.expose()
    );
    reply.is(201, &expected);
    let path = format!("/api/v1/tokens/{part}");
    world.get(&path).await.is(200, &config);
    let now = world.ledger.now();
    let found = world.ledger.tokens().find(&token.digest(), now).expect("it is good");
    assert_eq!((found.name.as_str(), found.scopes.to_string()), ("ci", "read,metrics".to_owned()));
    let used = format!(r#"{},"last_used_at":"{NOW}"}}"#, &config[..config.len() - 1]);
    world.get(&path).await.is(200, &used);
    let list = format!(r#"{{"tokens":{{"{part}":{config}}},"count":1}}"#);
    world.get("/api/v1/tokens").await.is(200, &list);

    let revoked = format!(r#"{{"success":true,"message":"Token {part} (ci) was revoked"}}"#);
    world.delete(&path).await.is(200, &revoked);
    assert_eq!(world.ledger.tokens().find(&token.digest(), now), Err(TokenError::Unknown));
    world.get(&path).await.is_error(404, "token_not_found", "Token not found");
    let (status, code, message) = world.post("/api/v1/tokens", "{}").await.error();
    let missing = (400, "missing_field", "name is required; scopes is required");
    assert_eq!((status, &*code, &*message), missing);
}

#[tokio::test]
async fn grpc_makes_shows_and_revokes_what_rest_does() {
    let world = World::new();
    world.configure("a", None, None).await;
    let served = grpc::serve(&world).await;
    let mut client = served.client();
    let client_id = "a".to_owned();
    let request =
        CreateKeyRequest { client_id: client_id.clone(), expires_at: Some(4_102_444_800) };
    let new = client.create_key(request).await.expect("made").into_inner();
    let key = new.config.expect("a key");
    assert_eq!((&*key.client_id, key.expires_at), ("a", Some(4_102_444_800)));
    assert_eq!(owner(&world, &new.key), Ok("a".to_owned()));
    let wrong = CreateKeyRequest { client_id: client_id.clone(), expires_at: Some(-1) };
    let wrong = refused(client.create_key(wrong).await);
    assert_eq!(wrong.code(), Code::InvalidArgument, "{wrong}");

    let public_part = key.public_part.clone();
    let get = GetKeyRequest { client_id: client_id.clone(), public_part: public_part.clone() };
    let shown = client.get_key(get.clone()).await.expect("answered").into_inner();
    assert_eq!((shown.key, shown.found, shown.etag), (Some(key.clone()), true, new.etag));
    assert_eq!(shown.stats.expect("figures").total_requests, 0);
    let list = ListKeysRequest { client_id: client_id.clone(), ..Default::default() };
    let list = client.list_keys(list).await.expect("answered").into_inner();
    assert_eq!((list.keys, list.found), (vec![key], true));
    let delete = DeleteKeyRequest { client_id, public_part, if_match: String::new() };
    assert!(client.delete_key(delete).await.expect("answered").into_inner().success);
    assert_eq!(owner(&world, &new.key), Err(KeyError::Unknown));
    assert!(!client.get_key(get).await.expect("answered").into_inner().found);

    let scopes = ["read", "decide"].map(str::to_owned).to_vec();
    let request = CreateTokenRequest { name: "envoy".to_owned(), scopes, expires_at: None };
    let new = client.create_token(request).await.expect("made").into_inner();
    let token = new.config.expect("a token");
    assert_eq!((&*token.name, token.scopes.join(",")), ("envoy", "read,decide".to_owned()));
    let get = GetTokenRequest { public_part: token.public_part.clone() };
    let shown = client.get_token(get).await.expect("answered").into_inner();
    assert_eq!((shown.token, shown.found, shown.last_used_at), (Some(token.clone()), true, None));
    let list = client.list_tokens(ListTokensRequest::default()).await.expect("answered");
    assert_eq!(list.into_inner().tokens, std::slice::from_ref(&token));
    let delete = DeleteTokenRequest { public_part: token.public_part, if_match: "*".to_owned() };
    assert!(client.delete_token(delete).await.expect("answered").into_inner().success);
    assert!(world.ledger.tokens().is_empty());
}

#[tokio::test]
async fn the_document_has_hashes_alone_and_one_without_them_leaves_keys_as_they_are() {
    let world = World::new();
    world.configure("a", Some(1), None).await;
    world.configure("b", None, None).await;
    let (key, part) = new_key(&world, "a", "{}").await;
    let (gone, _) = new_key(&world, "b", "{}").await;
    let token = world.post("/api/v1/tokens", r#"{"name":"ci","scopes":["read"]}"#).await;
    let token_part = text(&json(&token)["config"]["public_part"]).to_owned();
    let document = world.get("/api/v1/config").await.body;
    let hash = Digest::of(key.as_bytes());
    for said in [
        format!(r#""{part}":{{"client_id":"a","sha256":"{hash}","created_at":"{NOW}"}}"#),
        format!(r#""tokens":{{"{token_part}":{{"name":"ci","scopes":["read"],"sha256":""#),
    ] {
        assert!(document.contains(&said), "{said}: {document}");
    }
    assert!(!document.contains("fgk_") && !document.contains("fga_"), "{document}");

    // What it says is there: nothing changes.
    let reply = world.put("/api/v1/config", document.clone()).await;
    let nothing = "Nothing was changed: this is the configuration in force";
    assert!(reply.body.contains(nothing), "{}", reply.body);

    // It says nothing of keys: those of clients that stay, stay.
    let reply = world.put("/api/v1/config", r#"{"clients":{"a":{"rpm":2}}}"#).await;
    assert!(reply.body.contains("deleted 1 client, 0 limits, 0 models, 1 key"), "{}", reply.body);
    assert_eq!(owner(&world, &key), Ok("a".to_owned()));
    assert_eq!(owner(&world, &gone), Err(KeyError::Unknown));
    assert_eq!(world.ledger.keys().len(), 1);

    // It says all of them.
    let other = Secret::new(SecretKind::Key);
    let keys = format!(
        r#"{{"clients":{{"a":{{"rpm":2}}}},"keys":{{"{}":{{"client_id":"a","sha256":"{}","created_at":"{NOW}"}}}},"tokens":{{}}}}"#,
        other.public_part(),
        other.digest()
    );
    let reply = world.put("/api/v1/config", keys).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(json(&reply)["created"]["keys"][0], other.public_part().as_str());
    assert_eq!(json(&reply)["deleted"]["tokens"][0], *token_part);
    assert_eq!(owner(&world, other.expose()), Ok("a".to_owned()));
    assert_eq!(owner(&world, &key), Err(KeyError::Unknown));
    assert!(world.ledger.tokens().is_empty());

    // Nobody's key, and two keys that are one.
    let record = |part: &str, client: &str| {
        format!(
            r#""{part}":{{"client_id":"{client}","sha256":"{}","created_at":"{NOW}"}}"#,
            other.digest()
        )
    };
    let nobodys = format!(r#"{{"keys":{{{}}}}}"#, record("AbCdEfGhIj12", "nobody"));
    world.put("/api/v1/config", nobodys).await.is_error(
        400,
        "invalid_field",
        "client_id of key AbCdEfGhIj12 must be a configured client, not nobody",
    );
    let (one, two) = (record("AbCdEfGhIj12", "a"), record("AbCdEfGhIj13", "a"));
    let twice = format!(r#"{{"clients":{{"a":{{}}}},"keys":{{{one},{two}}}}}"#);
    let (_, code, message) = world.put("/api/v1/config", twice).await.error();
    assert_eq!(code, "invalid_document");
    assert!(message.contains("two keys must not be one"), "{message}");
}

#[tokio::test]
async fn an_identity_is_one_clients_and_what_takes_it_away_is_told() {
    let world = World::new();
    let body = r#"{"identities":["spiffe://mesh/a","a@example.com"]}"#;
    assert_eq!(world.put("/api/v1/clients/a", body).await.status, 201);
    let config = r#"{"client_id":"a","rpm":null,"tpm":null,"enabled":true,"identities":["spiffe://mesh/a","a@example.com"]}"#;
    world.get("/api/v1/clients/a").await.is(200, config);
    let owner = |identity| world.ledger.client_of_identity(identity).map(|id| id.to_string());
    assert_eq!(owner("spiffe://mesh/a"), Some("a".to_owned()));
    assert!(world.ledger.has_identities("a"));

    let taken = r#"{"identities":["a@example.com"]}"#;
    world.put("/api/v1/clients/b", taken).await.is_error(
        409,
        "in_use",
        "the identity \"a@example.com\" is client a's: take it away from that client first",
    );
    let document = r#"{"clients":{"x":{"identities":["one"]},"y":{"identities":["one"]}}}"#;
    let (_, code, message) = world.put("/api/v1/config", document).await.error();
    assert_eq!(code, "invalid_document");
    assert!(message.contains("the identity \"one\" is client x's as well"), "{message}");

    let patched = world.patch("/api/v1/clients/a", r#"{"identities":["spiffe://mesh/a"]}"#).await;
    let told = "Client a was changed: identity \\\"a@example.com\\\" was taken away";
    assert!(patched.body.contains(told), "{}", patched.body);
    assert_eq!(owner("a@example.com"), None);
    assert_eq!(world.put("/api/v1/clients/b", taken).await.status, 201);
    // They change places in one document.
    let swapped = r#"{"clients":{"a":{"identities":["a@example.com"]},"b":{"identities":["spiffe://mesh/a"]}}}"#;
    assert_eq!(world.put("/api/v1/config", swapped).await.status, 200);
    assert_eq!(owner("a@example.com"), Some("a".to_owned()));
    assert_eq!(owner("spiffe://mesh/a"), Some("b".to_owned()));
    world.delete("/api/v1/clients/a").await;
    assert_eq!(owner("a@example.com"), None);
    assert!(!world.ledger.has_identities("a"));
}

#[tokio::test]
async fn what_was_made_before_a_restart_is_known_after_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = flowguard::store::DataFolder::open(folder.path()).expect("a folder");
    let open = async || flowguard::store::RedbStore::open(&folder).await.expect("a file");
    let world = World::with_store(open().await);
    world.put("/api/v1/clients/a", r#"{"identities":["x"]}"#).await;
    let (key, _) = new_key(&world, "a", "{}").await;
    let (revoked, part) = new_key(&world, "a", "{}").await;
    world.delete(&format!("/api/v1/clients/a/keys/{part}")).await;
    world.post("/api/v1/tokens", r#"{"name":"ci","scopes":["read"]}"#).await;
    let before = world.get("/api/v1/config").await.body;
    drop(world);

    let world = World::with_store(open().await);
    start::load(&world.operator).await.expect("in order");
    assert_eq!(world.get("/api/v1/config").await.body, before);
    assert_eq!(owner(&world, &key), Ok("a".to_owned()));
    assert_eq!(owner(&world, &revoked), Err(KeyError::Unknown));
    assert_eq!(world.ledger.client_of_identity("x").expect("listed").as_str(), "a");
    assert_ne!(world.operator.tag(&Caller::Process).as_str(), Revision::NONE.get().to_string());
}
