//! Who changed what, told by every control plane, wherever it was done.

use std::fs;

use harness::control_plane::{ControlPlane, Settings};
use harness::deadline::eventually;
use harness::grpc::GrpcClient;
use harness::redis::{Kind, Redis};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A control plane without Envoy, with a file of its own.
async fn control_plane(store: &Redis, folder: &TempDir, name: &str) -> ControlPlane {
    let folder = folder.path().join(name);
    fs::create_dir(&folder).expect("a new folder");
    let file = folder.join("audit.jsonl").display().to_string();
    let url = format!("redis://{}", store.address());
    let none = "false".to_owned();
    let settings = [("STORE_URL", url), ("AUDIT_FILE", file), ("DEMO_CLIENTS", none)];
    let settings = settings.map(|(name, value)| (name.to_owned(), value));
    ControlPlane::start(Settings::from(settings), folder).await
}

async fn audit(control_plane: &ControlPlane) -> Value {
    let answer = control_plane.admin().http().get("/api/v1/audit").send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// What was done to what, the newest first.
fn words(audit: &Value) -> Vec<(&str, &str)> {
    let entries = audit["entries"].as_array().expect("a list").iter();
    let told = entries.map(|entry| {
        let (action, object) = (entry["action"].as_str(), entry["object"].as_str());
        (action.expect("a word"), object.expect("a name"))
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_at_one_control_plane_is_in_the_audit_of_all() {
    let store = Redis::start(Kind::Redis, &[]).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let one = control_plane(&store, &folder, "one").await;
    let other = control_plane(&store, &folder, "other").await;
    let (first, second) = (one.admin(), other.admin());
    first.put_client("a", 600, None).await;
    second.put_client("a", 700, None).await;
    let request = second.http().post("/api/v1/clients/a/keys").header("x-request-id", "r-7");
    let key = request.json(&json!({})).send().await.json();
    let token = first.http().post("/api/v1/tokens");
    let token = token.json(&json!({"name": "ci", "scopes": ["read"]})).send().await.json();
    assert!(first.reset("a").await.status.is_success());

    let told = audit(&one).await;
    assert_eq!(told, audit(&other).await);
    let part = |of: &Value| of["config"]["public_part"].as_str().expect("a part").to_owned();
    let (of_key, of_token) = (format!("key/a/{}", part(&key)), format!("token/{}", part(&token)));
    let expected = [
        ("reset", "client/a"),
        ("create", &of_token),
        ("create", &of_key),
        ("change", "client/a"),
        ("create", "client/a"),
    ];
    assert_eq!(words(&told), expected, "{told}");
    let entries = told["entries"].as_array().expect("a list");
    assert_eq!(entries[2]["request_id"], "r-7");
    let rpm = |value: &str| entries[3][value]["rpm"].clone();
    assert_eq!((rpm("before"), rpm("after")), (json!(600), json!(700)));
    for entry in entries {
        assert_eq!(entry["id"], entry["revision"], "{entry}");
        assert_eq!(
            (&entry["outcome"], &entry["actor"]["kind"]),
            (&json!("done"), &json!("anybody"))
        );
    }
    let newest = "/api/v1/clients/a";
    let tag = first.http().get(newest).send().await.headers["etag"].clone();
    let revision = entries[0]["revision"].as_u64().expect("a revision");
    assert!(tag.to_str().is_ok_and(|tag| tag.contains(&revision.to_string())), "{tag:?}");

    // gRPC has the same, in pages.
    let request = json!({"pageSize": 3});
    let page = GrpcClient::new(other.grpc_address());
    let page = page.call("flowguard.FlowGuardService/ListAudit", &request).await.expect("answered");
    let ids = page["entries"].as_array().expect("a list").iter().map(|entry| entry["id"].clone());
    let of_rest = entries.iter().take(3).map(|entry| json!(entry["id"].to_string()));
    assert!(ids.eq(of_rest), "{page}");
    assert_eq!(page["nextPageToken"], json!(entries[2]["id"].to_string()));

    // Each has a file of what was done at it, in which the same writes have the same revisions.
    let lines = |name: &str| {
        let text =
            fs::read_to_string(folder.path().join(name).join("audit.jsonl")).expect("a file");
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        lines.map(|line| line["revision"].clone()).collect::<Vec<_>>()
    };
    let revisions = |of: &[usize]| {
        of.iter().map(|entry| entries[*entry]["revision"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(lines("one"), revisions(&[4, 1, 0]));
    assert_eq!(lines("other"), revisions(&[3, 2]));

    // In the store stands no secret.
    let all = store.command(&[b"ZRANGE", b"{flowguard}:audit", b"0", b"-1"]).await;
    let all = String::from_utf8_lossy(&all);
    assert!(all.contains(&of_key) && all.contains(&of_token));
    for secret in [&key["key"], &token["token"]] {
        let (_, secret) = secret.as_str().expect("a secret").split_at(17);
        assert!(!all.contains(secret));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_store_is_away_nothing_is_changed_and_the_audit_says_that_it_is_away() {
    let mut store =
        Redis::start(Kind::Redis, &["--appendonly", "yes", "--appendfsync", "always"]).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let one = control_plane(&store, &folder, "one").await;
    let other = control_plane(&store, &folder, "other").await;
    one.admin().put_client("a", 600, None).await;
    let before = audit(&other).await;
    store.process().kill();
    for control_plane in [&one, &other] {
        let refused = control_plane.admin().put("a", &json!({"rpm": 1})).await;
        assert_eq!(refused.status, 503, "{}", refused.text());
        let unread = control_plane.admin().http().get("/api/v1/audit").send().await;
        assert_eq!(unread.status, 503);
        let told = json!({
            "error": "store_unavailable",
            "message": "the audit is in the shared store, which could not be read",
        });
        assert_eq!(unread.json(), told);
    }

    store.restart().await;
    let after = eventually("the audit is read again", || async {
        let answer = one.admin().http().get("/api/v1/audit").send().await;
        (answer.status == 200).then(|| answer.json())
    })
    .await;
    assert_eq!(after, before, "what was refused is not there");
    // The store may have gone before the other had read of the client there.
    let client = eventually("the other has read what is in the store", || async {
        let client = other.admin().get("a").await;
        (client.status == 200).then(|| client.json())
    })
    .await;
    assert_eq!(client["rpm"], json!(600), "{client}");
    eventually("it is written again", || async {
        let written = other.admin().put("a", &json!({"rpm": 2})).await;
        written.status.is_success().then_some(())
    })
    .await;
    let told = audit(&one).await;
    assert_eq!(words(&told), [("change", "client/a"), ("create", "client/a")], "{told}");
}
