//! Forgiving a client what it spent and owes, and seeing that it owes.

use flowguard::ledger::End;
use limiter::{Tokens, UnixMillis};
use proto::api::{GetClientStatsRequest, ResetClientRequest};

use crate::{grpc, world::World};

const RESET: &str = "/api/v1/clients/a/reset";

/// A client that used 450 tokens more than it has in a minute.
async fn in_debt() -> World {
    let world = World::new();
    world.at(UnixMillis(4_102_444_800_000));
    world.configure("a", Some(60), Some(1_000)).await;
    world.complete_with("a", 10, Tokens::new(1_450).ok(), 2_000);
    world
}

fn stats(rpm_remaining: u64, tpm_remaining: u64, tpm_balance: i64) -> String {
    format!(
        r#"{{"client_id":"a","total_requests":1,"success_requests":1,"dropped_requests":0,"rpm_dropped":0,"tpm_dropped":0,"tokens_used":1450,"rpm_remaining":{rpm_remaining},"tpm_remaining":{tpm_remaining},"last_request_time":"2100-01-01T00:00:00.000Z","avg_latency_ms":2.0,"tpm_balance":{tpm_balance}}}"#
    )
}

#[tokio::test]
async fn a_debt_is_seen_in_the_statistics() {
    let world = in_debt().await;
    let stats = stats(59, 0, -450);
    world.get("/api/v1/clients/a/stats").await.is(200, &stats);
    world.get("/api/v1/stats").await.is(200, &format!(r#"{{"stats":{{"a":{stats}}},"count":1}}"#));
}

#[tokio::test]
async fn a_balance_is_rounded_down_below_zero_too() {
    let world = in_debt().await;
    // 30 ms later half a token has come back.
    world.later(30);
    world.ask("a", 0);
    let reply = world.get("/api/v1/clients/a/stats").await;
    assert!(reply.body.ends_with(r#""tpm_balance":-450}"#), "{}", reply.body);
}

#[tokio::test]
async fn a_client_without_a_limit_of_tokens_has_no_balance_of_them() {
    let world = World::new();
    world.configure("a", Some(60), None).await;
    assert!(!world.get("/api/v1/clients/a/stats").await.body.contains("tpm_balance"));
    let served = grpc::serve(&world).await;
    let request = GetClientStatsRequest { client_id: "a".to_owned() };
    let stats = served.client().get_client_stats(request).await.unwrap().into_inner().stats;
    assert_eq!(stats.unwrap().tpm_balance, None);
}

#[tokio::test]
async fn a_reset_fills_the_buckets_and_keeps_the_statistics() {
    let world = in_debt().await;
    world.post(RESET, "").await.is(200, &stats(60, 1_000, 1_000));
    let _held = world.ask_admitted("a", 1_000);
}

#[tokio::test]
async fn what_is_under_way_at_a_reset_gives_nothing_back_to_the_new_buckets() {
    let world = World::new();
    world.configure("a", Some(60), Some(1_000)).await;
    let before = world.ask_admitted("a", 600);
    world.post(RESET, "").await;
    let _after = world.ask_admitted("a", 700);
    world.end(before, End::Canceled);
    let reply = world.get("/api/v1/clients/a/stats").await;
    assert!(reply.body.ends_with(r#""tpm_balance":300}"#), "{}", reply.body);
}

#[tokio::test]
async fn nobody_else_is_reset() {
    let world = in_debt().await;
    world.configure("b", Some(60), Some(1_000)).await;
    let _held = world.ask_admitted("b", 700);
    world.post(RESET, "").await;
    let reply = world.get("/api/v1/clients/b/stats").await;
    assert!(reply.body.ends_with(r#""tpm_balance":300}"#), "{}", reply.body);
    for id in ["c", "unknown", "..", "%FF"] {
        let reply = world.post(&format!("/api/v1/clients/{id}/reset"), "").await;
        reply.is_error(404, "client_not_found", "Client not found");
    }
}

#[tokio::test]
async fn a_reset_over_grpc_answers_the_same_statistics() {
    let world = in_debt().await;
    let served = grpc::serve(&world).await;
    let reset = async |id: &str| {
        let request = ResetClientRequest { client_id: id.to_owned(), ..Default::default() };
        served.client().reset_client(request).await.unwrap().into_inner()
    };
    let answer = reset("a").await;
    let stats = answer.stats.unwrap();
    assert!(answer.found);
    assert_eq!((stats.tpm_balance, stats.tpm_remaining), (Some(1_000), Some(1_000)));
    assert_eq!(stats.tokens_used, 1_450);
    let answer = reset("b").await;
    assert_eq!((answer.found, answer.stats), (false, None));
}
