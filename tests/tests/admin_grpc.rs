//! The gRPC API, called by a foreign client that knows it by reflection alone.

use harness::TestStack;
use harness::check::{self, RPM_EXCEEDED, TPM_EXCEEDED, UNKNOWN_CLIENT};
use harness::grpc::Reflection;
use serde_json::{Value, json};

const SET: &str = "flowguard.FlowGuardService/SetClientConfig";
const GET: &str = "flowguard.FlowGuardService/GetClientConfig";
const STATS: &str = "flowguard.FlowGuardService/GetClientStats";
const LIST: &str = "flowguard.FlowGuardService/ListClients";
const RESET: &str = "flowguard.FlowGuardService/ResetClient";
const DELETE: &str = "flowguard.FlowGuardService/DeleteClient";

/// JSON of proto3 writes a 64-bit number as text.
fn config(id: &str, rpm: &str, tpm: &str, enabled: bool) -> Value {
    json!({"clientId": id, "rpm": rpm, "tpm": tpm, "enabled": enabled, "identities": []})
}

#[tokio::test]
async fn reflection_shows_the_service_in_both_of_its_versions() {
    let stack = TestStack::start().await;
    for reflection in [Reflection::V1, Reflection::V1Alpha] {
        let client = stack.grpc().with_reflection(reflection);
        let services = client.services().await;
        for service in ["flowguard.FlowGuardService", "grpc.health.v1.Health"] {
            assert!(services.iter().any(|name| name == service), "{reflection:?}: {services:?}");
        }
        let decisions = services.iter().any(|name| name.contains("decision"));
        assert!(!decisions, "the filter's stream is apart from the admin API: {services:?}");
        let listed = client.call(LIST, &json!({})).await;
        assert_eq!(listed, Ok(json!({"clients": [], "stats": []})));
    }
}

#[tokio::test]
async fn the_health_service_says_serving() {
    let stack = TestStack::start().await;
    for service in ["", "flowguard.FlowGuardService"] {
        let health =
            stack.grpc().call("grpc.health.v1.Health/Check", &json!({"service": service})).await;
        assert_eq!(health, Ok(json!({"status": "SERVING"})), "{service:?}");
    }
    let unknown =
        stack.grpc().call("grpc.health.v1.Health/Check", &json!({"service": "nobody"})).await;
    assert_eq!(unknown.map_err(|error| error.code), Err("not_found".to_owned()));
}

#[tokio::test]
async fn a_client_set_by_grpc_limits_the_very_next_request() {
    let stack = TestStack::builder().setting("UNKNOWN_CLIENTS", "deny").start().await;
    let grpc = stack.grpc();
    let proxy = stack.proxy();
    check::refused(&proxy.post("/").client("a").tokens(1).send().await, &UNKNOWN_CLIENT);

    let set = grpc.call(SET, &json!({"config": config("a", "1", "100", true)})).await.expect("set");
    assert_eq!(set["success"], true, "{set}");
    assert!(set["message"].is_string(), "{set}");
    check::admitted(&proxy.post("/").client("a").tokens(1).send().await);
    check::refused_for_now(&proxy.post("/").client("a").tokens(1).send().await, &RPM_EXCEEDED);

    // An omitted limit means no limit, an omitted `enabled` means true: the message says both.
    let set = grpc.call(SET, &json!({"config": {"clientId": "a"}})).await.expect("set");
    let message = set["message"].as_str().unwrap_or_default();
    for told in ["rpm 1 and tpm 100 were taken away", "it has no limit", "enabled (not given)"] {
        assert!(message.contains(told), "{told} in {message}");
    }
    check::admitted(&proxy.post("/").client("a").tokens(1_000_000).send().await);
    let read = grpc.call(GET, &json!({"clientId": "a"})).await.expect("get");
    assert_eq!(read["config"], json!({"clientId": "a", "enabled": true, "identities": []}));
    assert_eq!((&read["found"], read["etag"].as_str().is_some()), (&json!(true), true));
}

#[tokio::test]
async fn a_mask_changes_one_field_for_a_client_that_learned_it_by_reflection() {
    let stack = TestStack::start().await;
    let grpc = stack.grpc();
    stack.admin().put_client("a", 60, 1_000).await;
    let change = json!({"config": {"clientId": "a", "rpm": "61"}, "updateMask": "rpm"});
    grpc.call(SET, &change).await.expect("changed");
    let read = grpc.call(GET, &json!({"clientId": "a"})).await.expect("get");
    assert_eq!(read["config"], config("a", "61", "1000", true));
    let unknown = json!({"config": {"clientId": "a"}, "updateMask": "burst"});
    let error = grpc.call(SET, &unknown).await.expect_err("refused");
    assert_eq!(error.code, "invalid_argument");
    assert!(error.message.contains("burst"), "{}", error.message);
}

#[tokio::test]
async fn a_client_in_debt_is_reset_and_passes_at_once() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", 60, 100).await;
    let proxy = stack.proxy();
    check::admitted(
        &proxy
            .post("/v1/chat/completions?total_tokens=400")
            .json(&json!({}))
            .client("a")
            .tokens(10)
            .send()
            .await,
    );
    stack.admin().wait_for_tokens_used("a", 400).await;
    check::refused_for_now(&proxy.post("/").client("a").tokens(1).send().await, &TPM_EXCEEDED);
    let stats = stack.grpc().call(STATS, &json!({"clientId": "a"})).await.expect("stats");
    let balance = stats["stats"]["tpmBalance"].as_str().unwrap_or_default();
    assert!(balance.starts_with('-'), "{stats}");

    let reset = stack.grpc().call(RESET, &json!({"clientId": "a"})).await.expect("reset");
    assert_eq!((&reset["found"], &reset["stats"]["tpmBalance"]), (&json!(true), &json!("100")));
    check::admitted(&proxy.post("/").client("a").tokens(100).send().await);
}

#[tokio::test]
async fn a_client_deleted_by_grpc_is_unknown_to_the_very_next_request() {
    let stack = TestStack::builder().setting("UNKNOWN_CLIENTS", "deny").start().await;
    stack.admin().put_client("a", 5, 5).await;
    check::admitted(&stack.proxy().post("/").client("a").tokens(1).send().await);
    let deleted = stack.grpc().call(DELETE, &json!({"clientId": "a"})).await.expect("deleted");
    assert_eq!(deleted["success"], true, "{deleted}");
    check::refused(&stack.proxy().post("/").client("a").tokens(1).send().await, &UNKNOWN_CLIENT);

    let again = stack.grpc().call(DELETE, &json!({"clientId": "a"})).await.expect("answered");
    assert_eq!(again["success"], false, "{again}");
    let read = stack.grpc().call(GET, &json!({"clientId": "a"})).await.expect("answered");
    assert_eq!(
        (&read["found"], read.get("config").filter(|config| !config.is_null())),
        (&json!(false), None)
    );
    let stats = stack.grpc().call(STATS, &json!({"clientId": "a"})).await.expect("answered");
    assert_eq!(
        (&stats["found"], stats.get("stats").filter(|stats| !stats.is_null())),
        (&json!(false), None)
    );
}

#[tokio::test]
async fn what_one_api_writes_the_other_reads_at_once() {
    let stack = TestStack::start().await;
    let admin = stack.admin();
    let grpc = stack.grpc();
    for rpm in [1, 2] {
        admin.put_client("by-rest", rpm, 20).await;
        let read = grpc.call(GET, &json!({"clientId": "by-rest"})).await.expect("get");
        assert_eq!(read["config"], config("by-rest", &rpm.to_string(), "20", true));

        let written = json!({"config": config("by-grpc", &rpm.to_string(), "30", true)});
        grpc.call(SET, &written).await.expect("set");
        let read = admin.get("by-grpc").await.json();
        assert_eq!(read, json!({"client_id": "by-grpc", "rpm": rpm, "tpm": 30, "enabled": true}));
    }
    grpc.call(DELETE, &json!({"clientId": "by-rest"})).await.expect("deleted");
    assert_eq!(admin.get("by-rest").await.status.as_u16(), 404);
}

#[tokio::test]
async fn statistics_are_those_of_rest() {
    let stack = TestStack::start().await;
    let admin = stack.admin();
    let grpc = stack.grpc();
    admin.put_client("a", 2, 100).await;
    admin.put_client("b", None, None).await;
    let proxy = stack.proxy();
    for tokens in [10, 101, 20, 0] {
        proxy.post("/").client("a").tokens(tokens).send().await;
    }
    admin.wait_for_tokens_used("a", 30).await;

    let stats = grpc.call(STATS, &json!({"clientId": "a"})).await.expect("stats");
    assert_eq!(stats["found"], true, "{stats}");
    let stats = &stats["stats"];
    let expected = json!({
        "totalRequests": "4", "successRequests": "2", "droppedRequests": "2",
        "rpmDropped": "1", "tpmDropped": "1", "tokensUsed": "30", "rpmRemaining": "0",
    });
    for (field, value) in expected.as_object().expect("an object") {
        assert_eq!(&stats[field], value, "{field} in {stats}");
    }
    let seconds: i64 =
        stats["lastRequestTime"].as_str().and_then(|text| text.parse().ok()).expect("a number");
    assert!(seconds > 1_700_000_000, "{stats}");

    let listed = grpc.call(LIST, &json!({})).await.expect("listed");
    assert_eq!(listed["clients"][0], config("a", "2", "100", true));
    assert_eq!(listed["clients"][1], json!({"clientId": "b", "enabled": true, "identities": []}));
    assert_eq!(listed["stats"][0]["totalRequests"], "4", "{listed}");
    let fresh = &listed["stats"][1];
    assert_eq!(
        (&fresh["clientId"], &fresh["lastRequestTime"]),
        (&json!("b"), &json!("0")),
        "{listed}"
    );
    assert_eq!(fresh.get("rpmRemaining"), None, "{listed}");
}

#[tokio::test]
async fn invalid_input_is_invalid_argument_with_the_text_of_rest() {
    let stack = TestStack::start().await;
    let cases = [
        json!({"client_id": "a b"}),
        json!({"client_id": "a".repeat(129)}),
        json!({"client_id": "a", "rpm": 0}),
        json!({"client_id": "a", "rpm": -1, "tpm": 1_000_000_000_001_u64}),
    ];
    for config in cases {
        let by_rest = stack.admin().http().post("/api/v1/clients").json(&config).send().await;
        assert_eq!(by_rest.status.as_u16(), 400);
        let error = stack.grpc().call(SET, &json!({"config": config})).await.expect_err("refused");
        assert_eq!(error.code, "invalid_argument");
        assert_eq!(error.message, by_rest.json()["message"], "{config}");
    }
    for request in [json!({}), json!({"config": {"rpm": 1}})] {
        let error = stack.grpc().call(SET, &request).await.expect_err("refused");
        assert_eq!(error.code, "invalid_argument", "{request}");
    }
    assert_eq!(stack.grpc().call(LIST, &json!({})).await, Ok(json!({"clients": [], "stats": []})));
}
