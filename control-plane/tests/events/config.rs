//! What is configured, and who did it.

use serde_json::json;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn each_write_is_told_with_who_made_it_and_its_revision() {
    let world = World::start().await;
    let mut reader = world.listen("?topics=config").await;
    let client = json!({"client_id": "acme", "rpm": 60, "tpm": null, "group": "eu"});
    world.post("/api/v1/clients", &client).await;
    let told = reader.until("config", |_| true).await.data;
    assert_eq!((&told["action"], &told["object"]), (&json!("create"), &json!("client/acme")));
    assert_eq!(told["actor"], json!({"kind": "anybody"}));
    assert_eq!(told["revision"], 1);
    let audit = world.rest().get("/api/v1/audit").send().await.json();
    assert_eq!(told["audit_id"], audit["entries"][0]["id"], "where to read what it was before");
    assert_eq!(told["request_id"], audit["entries"][0]["request_id"]);

    // What is told is in force.
    let answer = world.rest().get("/api/v1/clients/acme").send().await;
    assert_eq!(answer.json()["rpm"], 60);

    world.post("/api/v1/clients/acme/reset", &json!({})).await;
    let told = reader.until("config", |_| true).await.data;
    assert_eq!((&told["action"], &told["object"]), (&json!("reset"), &json!("client/acme")));
    let delete = world.rest().request(http::Method::DELETE, "/api/v1/clients/acme");
    assert_eq!(delete.send().await.status, 200);
    let told = reader.until("config", |_| true).await.data;
    assert_eq!(told["action"], "delete");
    assert_eq!(told["revision"], 2);

    let document = json!({"clients": {"a": {}, "b": {}}});
    let put = world.rest().request(http::Method::PUT, "/api/v1/config").json(&document);
    assert_eq!(put.send().await.status, 200);
    let told = reader.until("config", |_| true).await.data;
    assert_eq!((&told["action"], &told["object"]), (&json!("apply"), &json!("configuration")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_in_no_event() {
    let world = World::start().await;
    world.configure("acme", None).await;
    let mut reader = world.listen("").await;
    let key = world.post("/api/v1/clients/acme/keys", &json!({})).await;
    let token = world.post("/api/v1/tokens", &json!({"name": "ops", "scopes": ["read"]})).await;
    let mut texts = String::new();
    for kind in ["key/", "token/"] {
        let told = reader
            .until("config", |data| data["object"].as_str().is_some_and(|of| of.starts_with(kind)))
            .await;
        texts.push_str(&told.data.to_string());
    }
    for (secret, public) in [(&key["key"], &key["config"]), (&token["token"], &token["config"])] {
        let random = secret.as_str().unwrap().split('_').nth(2).unwrap();
        assert!(!texts.contains(random), "{texts}");
        assert!(texts.contains(public["public_part"].as_str().unwrap()), "{texts}");
    }
    assert!(!texts.contains("sha256") && !texts.contains("before"), "{texts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_to_a_client_are_for_those_who_ask_for_it_and_for_who_asks_for_its_former_group() {
    let world = World::start().await;
    world.configure("acme", Some("eu")).await;
    let mut by_id = world.listen("?topics=config&client=friend").await;
    let mut by_group = world.listen("?topics=config&group=eu").await;
    world.configure("acme", Some("us")).await;
    world.configure("acme", Some("asia")).await;
    world.configure("friend", None).await;
    let told = by_id.until("config", |_| true).await.data;
    assert_eq!(told["object"], "client/friend");
    let told = by_group.until("config", |_| true).await.data;
    assert_eq!((&told["object"], &told["action"]), (&json!("client/acme"), &json!("change")));
    world.configure("acme", Some("eu")).await;
    let next = by_group.until("config", |_| true).await.data;
    assert_eq!(next["audit_id"].as_u64().unwrap() - told["audit_id"].as_u64().unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_done_is_told_to_nobody() {
    let world = World::start().await;
    let mut reader = world.listen("?topics=config").await;
    let delete = world.rest().request(http::Method::DELETE, "/api/v1/clients/nobody");
    assert_eq!(delete.send().await.status, 404);
    world.configure("acme", None).await;
    let told = reader.until("config", |_| true).await.data;
    assert_eq!(told["object"], "client/acme");
}
