//! Keys and tokens by every way to make one beside those that the world begins with.

use harness::deadline::eventually;
use http::Method;
use proto::api::{CreateKeyRequest, CreateTokenRequest};
use serde_json::{Value, json};

use crate::world::{DOCUMENT_KEY, World, now, sha256};

async fn posted(world: &World, path: &str, body: &Value, field: &str) -> String {
    let answer = world.rest(Method::POST, path).json(body).send().await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()[field].as_str().expect("a secret").to_owned()
}

async fn key_over_grpc(world: &World, expires_at: Option<i64>) -> String {
    let request = CreateKeyRequest { client_id: "a".to_owned(), expires_at };
    let call = World::call(&world.bearer(), request);
    let made = world.grpc().await.create_key(call).await;
    made.expect("made").into_inner().key
}

async fn token_over_grpc(world: &World, name: &str, expires_at: Option<i64>) -> String {
    let scopes = vec!["read".to_owned(), "metrics".to_owned()];
    let request = CreateTokenRequest { name: name.to_owned(), scopes, expires_at };
    let made = world.grpc().await.create_token(World::call(&world.bearer(), request)).await;
    made.expect("made").into_inner().token
}

fn public(secret: &str) -> &str {
    secret.split('_').nth(1).expect("a public part")
}

async fn revoked(world: &mut World, path: &str) {
    let answer = world.rest(Method::DELETE, path).send().await;
    assert!(answer.status.is_success(), "{}", answer.text());
    world.heard(path, &answer);
}

/// A key of a document is what it says of it: whose it is, and its digest.
async fn by_a_document(world: &mut World) {
    let answer = world.rest(Method::GET, "/api/v1/config").send().await;
    let mut document = answer.json();
    document["keys"][public(DOCUMENT_KEY)] = json!({
        "client_id": "a", "sha256": sha256(DOCUMENT_KEY), "created_at": "2023-11-14T22:13:20Z",
    });
    let answer = world.rest(Method::PUT, "/api/v1/config").json(&document).send().await;
    assert!(answer.status.is_success(), "{}", answer.text());
    world.heard("PUT /api/v1/config", &answer);
    world.keys.push(DOCUMENT_KEY.to_owned());
}

/// All of them, right ones and wrong ones, once each is what it is to be.
pub(crate) async fn by_every_way(world: &mut World) {
    by_a_document(world).await;
    let keys = "/api/v1/clients/a/keys";
    let token = json!({"name": "ci", "scopes": ["read", "write"]});
    let of_rest = posted(world, keys, &json!({}), "key").await;
    let of_grpc = key_over_grpc(world, None).await;
    world.keys.extend([of_rest, of_grpc]);
    let of_rest = posted(world, "/api/v1/tokens", &token, "token").await;
    let of_grpc = token_over_grpc(world, "grpc", None).await;
    world.tokens.extend([of_rest, of_grpc]);

    let key = posted(world, keys, &json!({}), "key").await;
    revoked(world, &format!("{keys}/{}", public(&key))).await;
    let token = posted(world, "/api/v1/tokens", &token, "token").await;
    revoked(world, &format!("/api/v1/tokens/{}", public(&token))).await;
    world.wrong_keys.push(key);
    world.tokens.push(token);

    let soon = i64::try_from(now() + 2).expect("a time");
    let key = key_over_grpc(world, Some(soon)).await;
    let token = token_over_grpc(world, "short", Some(soon)).await;
    world.jwts.extend([world.issuer.token(now() + 3_600), world.issuer.token(now() - 3_600)]);
    eventually("the token has expired", || async {
        let client = harness::http_client::HttpClient::one_connection_each(
            world.stack.control_plane.rest_address(),
        );
        let shown = format!("Bearer {token}");
        let answer = client.get("/api/v1/clients").header("authorization", shown).send().await;
        (answer.status == 401).then_some(())
    })
    .await;
    world.wrong_keys.push(key);
    world.tokens.push(token);
}
