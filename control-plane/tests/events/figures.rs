//! Figures of clients and limits, and refusals.

use flowguard::ledger::{Policy, UnknownClients};
use serde_json::{Value, json};

use crate::world::World;

fn limit<'a>(client: &'a Value, name: &str) -> &'a Value {
    let limits = client["limits"].as_array().expect("limits");
    limits.iter().find(|limit| limit["name"] == name).unwrap_or(&Value::Null)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_is_told_with_what_it_has_left_and_under_way() {
    let world = World::start().await;
    world.configure("acme", Some("eu/one")).await;
    world.configure("quiet", None).await;
    let mut reader = world.listen("?topics=clients").await;
    let (request, _) = world.ask("acme", 100).await;
    let told = reader.client("clients", "acme", |_| true).await;
    assert_eq!(told["group"], "eu/one");
    assert_eq!((&told["in_flight"], &told["success_requests"]), (&json!(1), &json!(1)), "{told}");
    assert_eq!(limit(&told, "rpm")["limit"], 60);
    assert!(limit(&told, "rpm")["remaining"].as_u64().unwrap() >= 59, "{told}");
    assert!((900..=990).contains(&limit(&told, "tpm")["remaining"].as_u64().unwrap()), "{told}");
    assert!(limit(&told, "tpm")["full_in_ms"].as_u64().unwrap() > 0, "{told}");
    let number = |name: &str| told[name].as_f64().unwrap();
    let (per_s, ms) = (number("requests_per_s"), number("over_ms"));
    assert!((per_s - 1_000.0 / ms).abs() < 0.1, "one request in that time: {told}");

    world.complete(request, 400).await;
    let told = reader.client("clients", "acme", |told| told["in_flight"] == 0).await;
    assert_eq!(told["tokens_used"], 400);
    assert!((600..=690).contains(&limit(&told, "tpm")["remaining"].as_u64().unwrap()), "{told}");

    let still = reader.client("clients", "acme", |_| true).await;
    assert_eq!(still["requests_per_s"], 0.0, "what is told last is that nothing happens: {still}");
    assert_eq!(still["tokens_per_s"], 0.0);
    // Nobody but who changed is told of, and nobody twice.
    world.ask("quiet", 1).await;
    let next = reader.until("clients", |_| true).await.data;
    let told: Vec<_> = next["clients"].as_array().unwrap().iter().map(|of| &of["client"]).collect();
    assert_eq!(told, ["quiet"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_are_told_of_that_are_asked_for() {
    let world = World::start().await;
    for (client, group) in
        [("acme-1", Some("eu/one")), ("acme-2", Some("us")), ("friend", Some("eu"))]
    {
        world.configure(client, group).await;
    }
    for (query, expected) in [
        ("?topics=clients&client=acme-1", vec!["acme-1"]),
        ("?topics=clients&client=acme*", vec!["acme-1", "acme-2"]),
        ("?topics=clients&group=eu", vec!["acme-1", "friend"]),
        ("?topics=clients&client=acme*&group=eu", vec!["acme-1"]),
    ] {
        let mut reader = world.listen(query).await;
        for client in ["acme-1", "acme-2", "friend"] {
            world.ask(client, 1).await;
        }
        for client in &expected {
            world.ask(client, 1).await;
        }
        let mut told = Vec::new();
        while told.len() < expected.len() {
            let event = reader.until("clients", |_| true).await;
            for client in event.data["clients"].as_array().unwrap() {
                let client = client["client"].as_str().unwrap().to_owned();
                assert!(expected.contains(&&*client), "{query}: {client}");
                if !told.contains(&client) {
                    told.push(client);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_told_in_one_a_client_by_what_refused_them() {
    let world = World::start().await;
    world.configure("acme", Some("eu")).await;
    let limit = json!({"match": {"group": "eu"}, "requests": 5, "per": "1h"});
    let put = world.rest().request(http::Method::PUT, "/api/v1/limits/five").json(&limit);
    assert_eq!(put.send().await.status, 201);
    let mut reader = world.listen("?topics=refusals,limits").await;
    for _ in 0..20 {
        world.ask("acme", 1).await;
    }
    let told = reader.client("refusals", "acme", |_| true).await;
    assert_eq!(told["requests"], 15, "{told}");
    assert_eq!((&told["limit"], &told["limits"]), (&json!(15), &json!({"five": 15})));
    assert!(told["over_ms"].as_u64().unwrap() <= 3_000, "{told}");
    for _ in 0..3 {
        world.ask("acme", 5_000).await;
    }
    let told = reader.client("refusals", "acme", |_| true).await;
    assert_eq!((&told["requests"], &told["tpm"]), (&json!(3), &json!(3)), "since then: {told}");

    let mut reader = world.listen("?topics=limits").await;
    world.ask("acme", 1).await;
    let told = reader.until("limits", |data| data["limits"][0]["refused"] != 0).await.data;
    let told = &told["limits"][0];
    assert_eq!((&told["name"], &told["measure"]), (&json!("five"), &json!("requests")));
    assert_eq!((&told["limit"], &told["remaining"]), (&json!(5), &json!(0)), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_are_denied_are_one_client_and_none_of_them_is_named() {
    let policy = Policy { unknown_clients: UnknownClients::Deny, ..Policy::default() };
    let world = World::with(policy, false).await;
    let mut reader = world.listen("?topics=refusals").await;
    for n in 0..7 {
        world.ask(&format!("stranger-{n}"), 1).await;
    }
    let event = reader.until("refusals", |_| true).await;
    let text = event.data.to_string();
    assert!(!text.contains("stranger"), "{text}");
    let told = &event.data["refusals"][0];
    assert_eq!((&told["client"], &told["unknown_client"]), (&json!("unknown"), &json!(7)));
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_are_not_configured_are_told_as_unknown() {
    let world = World::start().await;
    let mut reader = world.listen("?client=unknown").await;
    world.ask("|\"><script>", 1).await;
    let told = reader.client("clients", "unknown", |_| true).await;
    assert_eq!(told["in_flight"], 1, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_wish_is_told_with_what_is_allowed() {
    let world = World::start().await;
    for (query, wanted) in [
        (
            "?topics=clients,x",
            "topics must be one or more of clients, limits, config, refusals, workers, replicas, failures, with commas between, not \"x\"",
        ),
        ("?topics=", "not \"\""),
        (
            "?client=a%22b",
            "client must be a client's id, or the beginning of ids and a *, not \"a\\\"b\"",
        ),
        ("?group=a//b", "group must be 1 to 4 names"),
        ("?since=1", "\"since\" is not a parameter"),
    ] {
        let answer = world.rest().get(&format!("/api/v1/events{query}")).send().await;
        assert_eq!(answer.status, 400, "{query}");
        let body = answer.json();
        assert_eq!(body["error"], "invalid_field");
        let message = body["message"].as_str().unwrap();
        assert!(message.contains(wanted), "{query}: {message}");
    }
}
