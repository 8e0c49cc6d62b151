//! Who changed what: written down before it is done, over both APIs, and without a secret.

use std::{fs, path::Path, sync::Arc};

use flowguard::{
    audit::{Audit, AuditFiles},
    operator::{Caller, Operator},
    store::NoStore,
};
use proto::api::ListAuditRequest;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    grpc,
    rules::send,
    world::{Reply, World},
};

fn json(reply: &Reply) -> Value {
    serde_json::from_str(&reply.body).expect("JSON")
}

/// A world whose audit stands in this folder.
fn audited_in(folder: &Path) -> World {
    let audit = Audit::open(&AuditFiles::of(&folder.join("audit.jsonl"))).expect("files");
    let mut world = World::new();
    let operator = Operator::new(Arc::clone(&world.ledger), Box::new(NoStore::default()));
    world.operator = Arc::new(operator.audited_in(Arc::new(audit)));
    world
}

async fn entries(world: &World, query: &str) -> Vec<Value> {
    let reply = world.get(&format!("/api/v1/audit{query}")).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    json(&reply)["entries"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn every_write_is_told_with_what_it_made_of_what() {
    let folder = TempDir::new().expect("a folder");
    let world = audited_in(folder.path());
    world.configure("a", Some(60), None).await;
    send(&world, "PUT", "/api/v1/clients/a", "", r#"{"rpm":61}"#).await;
    send(&world, "POST", "/api/v1/clients/a/reset", "", "").await;
    send(&world, "PUT", "/api/v1/models/m", "", r#"["m-*"]"#).await;
    let limit = r#"{"match":{"model":"m"},"tokens":5,"per":"1h"}"#;
    send(&world, "PUT", "/api/v1/limits/l", "", limit).await;
    let key = json(&world.post("/api/v1/clients/a/keys", "{}".to_owned()).await);
    let token = r#"{"name":"ci","scopes":["read"]}"#.to_owned();
    let token = json(&world.post("/api/v1/tokens", token).await);
    send(&world, "PUT", "/api/v1/config", "", r#"{"clients":{"b":{"rpm":1}}}"#).await;

    let told = entries(&world, "").await;
    let part = |of: &Value| of["config"]["public_part"].as_str().expect("a part").to_owned();
    let expected = [
        ("apply", "configuration".to_owned()),
        ("create", format!("token/{}", part(&token))),
        ("create", format!("key/a/{}", part(&key))),
        ("create", "limit/l".to_owned()),
        ("create", "model/m".to_owned()),
        ("reset", "client/a".to_owned()),
        ("change", "client/a".to_owned()),
        ("create", "client/a".to_owned()),
    ];
    let found: Vec<_> = told.iter().map(|entry| (&entry["action"], &entry["object"])).collect();
    let expected: Vec<_> = expected.iter().map(|(action, of)| (json!(action), json!(of))).collect();
    let expected: Vec<_> = expected.iter().map(|(action, of)| (action, of)).collect();
    assert_eq!(found, expected);

    let change = &told[6];
    assert_eq!((&change["before"]["rpm"], &change["after"]["rpm"]), (&json!(60), &json!(61)));
    assert_eq!(change["actor"], json!({"kind": "anybody"}));
    assert_eq!((&change["revision"], &change["outcome"]), (&json!(2), &json!("done")));
    assert_eq!(told[7]["actor"], json!({"kind": "process"}));
    assert_eq!(told[0]["after"]["created"], json!({"clients": {"count": 1, "first": ["b"]}}));

    let text = fs::read_to_string(folder.path().join("audit.jsonl")).expect("the file");
    assert_eq!(text.lines().count(), told.len());
    for secret in [&key["key"], &token["token"]] {
        let secret = secret.as_str().expect("a secret");
        let digest = flowguard::credentials::Digest::of(secret.as_bytes()).to_string();
        let (_, random) = secret.split_at(17);
        assert!(!text.contains(random) && !text.contains(&digest), "{text}");
    }
}

#[tokio::test]
async fn a_call_is_told_by_its_request_id_in_pages_and_by_object_over_both_apis() {
    let world = World::new();
    for id in ["a", "b", "a"] {
        world.configure(id, Some(1), None).await;
    }
    let first = json(&world.get("/api/v1/audit?limit=2").await);
    assert_eq!(first["next_cursor"], json!("2"), "{first}");
    let ids = |of: &[Value]| of.iter().map(|entry| entry["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&entries(&world, "?limit=2&cursor=2").await), [json!(1)]);
    assert_eq!(ids(&entries(&world, "?object=client/a").await), [json!(3), json!(1)]);
    for (query, field) in [
        ("?limit=0", "limit"),
        ("?limit=%2B5", "limit"),
        ("?cursor=+1", "cursor"),
        ("?cursor=x", "cursor"),
        ("?objects=a", "is not a parameter"),
    ] {
        let reply = world.get(&format!("/api/v1/audit{query}")).await;
        assert_eq!(reply.status, 400, "{query}");
        assert!(reply.body.contains(field), "{}", reply.body);
    }

    let served = grpc::serve(&world).await;
    let mut client = served.client();
    let request = ListAuditRequest { object: "client/b".to_owned(), ..Default::default() };
    let list = client.list_audit(request).await.expect("answered").into_inner();
    let told: Vec<_> = list.entries.iter().map(|entry| (entry.id, &*entry.action)).collect();
    assert_eq!(told, [(2, "create")]);
    assert_eq!(list.entries[0].actor.as_ref().expect("an actor").kind, "process");
}

#[tokio::test]
async fn what_cannot_be_written_down_is_not_done() {
    let folder = TempDir::new().expect("a folder");
    let world = audited_in(folder.path());
    world.configure("a", Some(60), None).await;
    // The next line begins another file, which has no folder any more.
    let gone = TempDir::new().expect("a folder");
    let files = AuditFiles::of(&gone.path().join("audit.jsonl"));
    let file = fs::File::create(&files.changes).expect("a file");
    file.set_len(64 * 1_024 * 1_024).expect("a file without contents");
    let audit = Audit::open(&files).expect("files");
    drop(gone);
    let operator = Operator::new(Arc::clone(&world.ledger), Box::new(NoStore::default()));
    let world = World { operator: Arc::new(operator.audited_in(Arc::new(audit))), ..world };

    let refused = r#"{"error":"audit_unavailable","message":"the audit could not be written, so that nothing was changed"}"#;
    for (method, path, body) in [
        ("PUT", "/api/v1/clients/a", r#"{"rpm":61}"#),
        ("DELETE", "/api/v1/clients/a", ""),
        ("POST", "/api/v1/clients/a/reset", ""),
        ("POST", "/api/v1/clients/a/keys", "{}"),
        ("POST", "/api/v1/tokens", r#"{"name":"ci","scopes":["read"]}"#),
        ("PUT", "/api/v1/config", r#"{"clients":{}}"#),
    ] {
        let reply = send(&world, method, path, "", body).await;
        assert_eq!((reply.status.as_u16(), &*reply.body), (503, refused), "{method} {path}");
    }
    assert!(world.ledger.tokens().is_empty() && world.ledger.keys().is_empty());
    let config = world.operator.get("a", &Caller::Process).expect("it is there").value;
    assert_eq!(config.limits.rpm.map(limiter::PerMinute::get), Some(60));
}
