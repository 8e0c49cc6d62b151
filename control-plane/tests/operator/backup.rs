//! The backup of a running control plane, over both APIs.

use flowguard::{backup::Counts, data};
use proto::api::BackupRequest;

use crate::{grpc, world::World};

/// Both APIs' backup, which is the same while nothing happens.
async fn backup(world: &World) -> String {
    let reply = world.get("/api/v1/backup").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("application/jsonl"));

    let served = grpc::serve(world).await;
    let answer = served.client().backup(BackupRequest {}).await.expect("answered");
    let mut chunks = answer.into_inner();
    let mut lines = Vec::new();
    while let Some(chunk) = chunks.message().await.expect("to its end") {
        assert!(chunk.lines.ends_with(b"\n"), "a chunk has whole lines");
        lines.extend(chunk.lines);
    }
    assert_eq!(String::from_utf8(lines).expect("text"), reply.body);
    reply.body
}

#[tokio::test]
async fn it_has_all_clients_with_what_is_left_and_what_happened_and_nothing_of_others() {
    let world = World::new();
    world.configure("b", None, None).await;
    world.configure("a", Some(60), Some(1_000)).await;
    world.configure("deleted", Some(60), None).await;
    world.complete("a", 100, 1_500);
    world.ask_admitted("a", 50);
    world.complete("nobody", 7, 1_000);
    world.complete("deleted", 7, 1_000);
    world.delete("/api/v1/clients/deleted").await;

    let now = world.ledger.now().0;
    let expected = format!(
        r#"{{"flowguard":{{"format":3,"version":"{version}","at":{now}}}}}
{{"client":{{"client_id":"a","rpm":60,"tpm":1000,"enabled":true}}}}
{{"bucket":{{"bucket":{{"rpm":"a"}},"epoch":0,"level":{{"amount":60,"burst":60,"window_s":60,"revision":0,"whole":58,"rest":0,"refilled_at":{now}}}}}}}
{{"bucket":{{"bucket":{{"tpm":"a"}},"epoch":0,"level":{{"amount":1000,"burst":1000,"window_s":60,"revision":0,"whole":850,"rest":0,"refilled_at":{now}}}}}}}
{{"tallies":{{"client":"a","tallies":{{"admitted":2,"overcounted":0,"rpm_dropped":0,"tpm_dropped":0,"tokens_used":100,"last_request":{now},"durations":1,"durations_us":1500}}}}}}
{{"client":{{"client_id":"b","rpm":null,"tpm":null,"enabled":true}}}}
{{"bucket":{{"bucket":{{"rpm":"unknown"}},"epoch":0,"level":{{"amount":60,"burst":60,"window_s":60,"revision":0,"whole":59,"rest":0,"refilled_at":{now}}}}}}}
{{"bucket":{{"bucket":{{"tpm":"unknown"}},"epoch":0,"level":{{"amount":1000,"burst":1000,"window_s":60,"revision":0,"whole":993,"rest":0,"refilled_at":{now}}}}}}}
{{"tallies":{{"client":"unknown","tallies":{{"admitted":1,"overcounted":0,"rpm_dropped":0,"tpm_dropped":0,"tokens_used":7,"last_request":{now},"durations":1,"durations_us":1000}}}}}}
{{"end":{{"clients":2,"records":6}}}}
"#,
        version = env!("CARGO_PKG_VERSION"),
    );
    assert_eq!(backup(&world).await, expected);
}

#[tokio::test]
async fn models_and_limits_stand_before_the_clients_and_are_read_again() {
    let world = World::new();
    world.put("/api/v1/models/gpt-4o", r#"["gpt-4o*"]"#).await;
    let limit = r#"{"match":{"model":"gpt-4o"},"each":["client"],"tokens":9,"per":"1m"}"#;
    assert_eq!(world.put("/api/v1/limits/day", limit).await.status, 201);
    let member = r#"{"rpm":60,"group":"acme/research","plan":"pro"}"#;
    world.put("/api/v1/clients/a", member).await;

    let written = backup(&world).await;
    let lines: Vec<_> = written.lines().skip(1).collect();
    assert_eq!(
        lines[..3],
        [
            r#"{"model":{"name":"gpt-4o","patterns":["gpt-4o*"]}}"#,
            r#"{"limit":{"name":"day","match":{"model":"gpt-4o"},"each":["client"],"tokens":9,"per":"1m"}}"#,
            r#"{"client":{"client_id":"a","rpm":60,"tpm":null,"enabled":true,"group":"acme/research","plan":"pro"}}"#,
        ]
    );
    let end = lines.last().expect("a last line");
    assert!(end.ends_with(r#","limits":1,"models":1}}"#), "{end}");
    let restored = data::read("backup", written.as_bytes()).expect("in order").ledger;
    assert_eq!(restored.limits(), world.ledger.limits());
    assert_eq!(restored.models(), world.ledger.models());
    assert_eq!(restored.config("a"), world.ledger.config("a"));

    let late = [lines[2], lines[0], lines[1], end].join("\n");
    let header = written.lines().next().expect("a first line");
    let refused = data::read("backup", format!("{header}\n{late}").as_bytes()).expect_err("late");
    let refused = refused.to_string();
    for line in ["backup:3: this line belongs before", "backup:4: this line belongs before"] {
        assert!(refused.contains(line), "{refused}");
    }
    let alone = format!("{header}\n{}\n{end}", lines[1]);
    let refused = data::read("backup", alone.as_bytes()).expect_err("no model").to_string();
    assert!(refused.contains("backup:2: match.model must be"), "{refused}");
}

#[tokio::test]
async fn a_large_one_arrives_whole() {
    let world = World::new();
    for number in 0..2_000 {
        let id = format!("client-{number:0>100}");
        world.configure(&id, Some(60), Some(1_000)).await;
        world.complete(&id, 1, 1_000);
    }
    let backup = backup(&world).await;
    assert!(backup.len() > 1_000_000, "{} bytes are no large one", backup.len());
    let restored = data::read("backup", backup.as_bytes()).expect("in order");
    assert_eq!(restored.counts, Counts { clients: 2_000, records: 6_000, ..Counts::default() });
}
