//! What a client's statistics tell of limits beside its own two, over both APIs.

use flowguard::{
    ledger::Answer,
    limits::{LimitKey, LimitName},
};
use proto::api::{ClientStats, GetClientStatsRequest, LimitStanding, ListClientsRequest};
use serde_json::{Value, json};

use crate::{
    grpc, metrics,
    world::{World, parsed},
};

const DAY_MS: u64 = 86_400_000;

/// A client on a plan, which has a limit that refuses and one that would.
async fn limited() -> World {
    let world = World::new();
    for (path, body) in [
        ("limits/day", r#"{"match":{"plan":"pro"},"requests":2,"per":"1d"}"#),
        ("limits/watched", r#"{"match":{},"tokens":10,"per":"1d","mode":"shadow"}"#),
        ("clients/a", r#"{"tpm":1000,"plan":"pro"}"#),
        ("clients/free", "{}"),
    ] {
        let written = world.put(&format!("/api/v1/{path}"), body).await;
        assert_eq!(written.status, 201, "{}", written.body);
    }
    world
}

async fn over_rest(world: &World, client: &str) -> Value {
    let stats = parsed(&world.get(&format!("/api/v1/clients/{client}/stats")).await);
    let all = parsed(&world.get("/api/v1/stats").await);
    assert_eq!(all["stats"][client], stats);
    stats
}

async fn over_grpc(world: &World, client: &str) -> ClientStats {
    let served = grpc::serve(world).await;
    let mut calls = served.client();
    let request = GetClientStatsRequest { client_id: client.to_owned() };
    let answer = calls.get_client_stats(request).await.expect("answered").into_inner();
    let stats = answer.stats.expect("found");
    let list = calls.list_clients(ListClientsRequest::default()).await.expect("answered");
    assert!(list.into_inner().stats.contains(&stats));
    stats
}

/// What both APIs tell of it.
async fn check(world: &World, client: &str, limits: Value, limit_dropped: Option<i64>) {
    let rest = over_rest(world, client).await;
    assert_eq!(rest.get("limits"), Some(&limits).filter(|limits| !limits.is_null()));
    assert_eq!(rest.get("limit_dropped").and_then(Value::as_i64), limit_dropped);
    let grpc = over_grpc(world, client).await;
    let shape = |standing: &LimitStanding| {
        let LimitStanding { name, measure, limit, remaining, full_in_ms, mode, .. } = standing;
        assert_eq!((standing.burst, standing.balance), (None, None));
        let mut told = json!({
            "name": name, "measure": measure, "limit": limit, "remaining": remaining,
            "full_in_ms": full_in_ms, "would_refuse": standing.would_refuse, "refused": standing.refused,
        });
        if let Some(mode) = mode {
            told["mode"] = json!(mode);
        }
        told
    };
    let told: Vec<_> = grpc.limits.iter().map(shape).collect();
    assert_eq!(told, limits.as_array().cloned().unwrap_or_default());
    assert_eq!(grpc.limit_dropped, limit_dropped);
}

#[tokio::test]
async fn statistics_tell_of_each_limit_that_applies_what_is_left_and_what_it_refused() {
    let world = limited().await;
    let day = |remaining: u64, refused: u64| {
        json!({
            "name": "day", "measure": "requests", "limit": 2, "remaining": remaining,
            "full_in_ms": (2 - remaining) * DAY_MS / 2, "would_refuse": 0, "refused": refused,
        })
    };
    let watched = |remaining: u64, would_refuse: u64| {
        json!({
            "name": "watched", "measure": "tokens", "limit": 10, "remaining": remaining,
            "full_in_ms": (10 - remaining) * DAY_MS / 10, "mode": "shadow",
            "would_refuse": would_refuse, "refused": 0,
        })
    };
    check(&world, "a", json!([day(2, 0), watched(10, 0)]), Some(0)).await;
    for tokens in [7, 8] {
        assert!(matches!(world.ask("a", tokens), Answer::Admitted { .. }));
    }
    assert!(matches!(world.ask("a", 1), Answer::Refused { .. }));
    check(&world, "a", json!([day(0, 1), watched(3, 1)]), Some(1)).await;
    // A refusal by its own limit is none of theirs.
    world.later(DAY_MS);
    assert!(matches!(world.ask("a", 1_001), Answer::Refused { .. }));
    let stats = over_rest(&world, "a").await;
    let counts = ["total_requests", "dropped_requests", "tpm_dropped", "limit_dropped"];
    assert_eq!(counts.map(|count| stats[count].as_u64()), [4, 2, 1, 1].map(Some));
}

#[tokio::test]
async fn a_client_to_which_no_limit_applies_has_neither_limits_nor_limit_dropped() {
    let world = limited().await;
    world.delete("/api/v1/limits/watched").await;
    check(&world, "free", Value::Null, None).await;
}

#[tokio::test]
async fn what_a_limit_refused_stays_counted_when_it_is_deleted() {
    let world = limited().await;
    for _ in 0..3 {
        world.ask("a", 0);
    }
    world.delete("/api/v1/limits/watched").await;
    world.delete("/api/v1/limits/day").await;
    check(&world, "a", Value::Null, Some(1)).await;
    // One that comes back is another one.
    let day = r#"{"match":{"plan":"pro"},"requests":5,"per":"1d"}"#;
    world.put("/api/v1/limits/day", day).await;
    let day = json!({
        "name": "day", "measure": "requests", "limit": 5, "remaining": 5, "full_in_ms": 0,
        "would_refuse": 0, "refused": 0,
    });
    check(&world, "a", json!([day]), Some(1)).await;
}

#[tokio::test]
async fn what_was_dropped_for_a_limit_that_is_not_there_counts_for_its_client_alone() {
    let world = limited().await;
    let key = |name: &str| LimitKey::Named(LimitName::try_from(name).expect("a name"));
    world.delete("/api/v1/limits/watched").await;
    world.ledger.count_dropped("a", &key("watched"), 3);
    world.ledger.count_dropped("a", &key("never-was"), 4);
    world.ledger.count_dropped("a", &key("day"), 5);
    // It is there, and of others.
    world.ledger.count_dropped("free", &key("day"), 6);
    world.ledger.count_dropped("stranger", &key("watched"), 7);
    let day = json!({
        "name": "day", "measure": "requests", "limit": 2, "remaining": 2, "full_in_ms": 0,
        "would_refuse": 0, "refused": 5,
    });
    check(&world, "a", json!([day]), Some(12)).await;
    check(&world, "free", Value::Null, Some(6)).await;
    let page = metrics::page(&world).await;
    metrics::check(
        &page,
        &[
            (r#"flowguard_limit_refused_total{limit="day",mode="enforce"}"#, "11"),
            (r#"flowguard_requests_dropped_total{client_id="a",reason="limit"}"#, "12"),
            (r#"flowguard_requests_dropped_total{client_id="unknown",reason="limit"}"#, "7"),
        ],
    );
    assert!(!page.contains("never-was") && !page.contains(r#"limit="watched""#), "{page}");
}
