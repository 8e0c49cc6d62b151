//! What was decided of late over a client's requests, over both APIs: the same.

use flowguard::ledger::{End, Outcome, Response, UnknownClients};
use limiter::Tokens;
use proto::api::{
    GetHistoryRequest, GetHistoryResponse, HistoryPoint, KeptDecision, ListDecisionsRequest,
    ListDecisionsResponse,
};
use serde_json::{Map, Value, json};
use tonic::Code;

use crate::{
    grpc,
    world::{World, limit, parsed, refused},
};

const DECISIONS: &str = "/api/v1/clients/acme/decisions";
const HISTORY: &str = "/api/v1/clients/acme/history";

/// 250 tokens a minute, of which four requests want some within a little more than a minute.
async fn asked_four_times() -> World {
    let world =
        World::keeping(1_000, &UnknownClients::Shared { rpm: limit(60), tpm: limit(1_000) });
    world.configure("acme", Some(60), Some(250)).await;
    let first = world.ask_admitted("acme", 100);
    world.later(1_500);
    world.end(first, End::Settled(response(130)));
    world.ask("acme", 200);
    world.ask("acme", 251);
    world.later(60_000);
    let last = world.ask_admitted("acme", 40);
    world.later(20);
    world.end(last, End::Canceled);
    world.ask("somebody", 7);
    world.ask_admitted("acme", 10);
    world
}

fn response(used: u64) -> Response {
    Response {
        outcome: Outcome::Completed,
        told: Tokens::new(used).ok(),
        observed: Tokens::ZERO,
        duration_us: None,
    }
}

/// Without what is absent.
fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let there = fields.into_iter().filter(|(_, value)| !value.is_null());
    there.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
}

fn decisions_as_rest_has_them(answer: ListDecisionsResponse) -> Value {
    assert!(answer.found);
    let decision = |of: KeptDecision| {
        object([
            ("time", json!(of.time)),
            ("verdict", json!(of.verdict)),
            ("shadow", json!(of.shadow.then_some(true))),
            ("model", json!(of.model)),
            ("reserved", json!(of.reserved)),
            ("duration_ms", json!(of.duration_ms)),
            ("used", json!(of.used)),
            ("limit", json!(of.limit)),
            ("retry_after_ms", json!(of.retry_after_ms)),
            ("never", json!(of.never.then_some(true))),
        ])
    };
    object([
        ("client_id", json!(answer.client_id)),
        ("replica", json!(answer.replica)),
        ("oldest", json!(answer.oldest)),
        ("decisions", answer.decisions.into_iter().map(decision).collect()),
        ("next_cursor", json!(answer.next_page_token)),
    ])
}

fn history_as_rest_has_it(answer: GetHistoryResponse) -> Value {
    assert!(answer.found);
    let point = |of: HistoryPoint| {
        let in_shadow = Some(of.refused_in_shadow).filter(|refused| *refused > 0);
        object([
            ("time", json!(of.time)),
            ("requests", json!(of.requests)),
            ("refused", json!(of.refused)),
            ("refused_in_shadow", json!(in_shadow)),
            ("reserved", json!(of.reserved)),
            ("used", json!(of.used)),
        ])
    };
    object([
        ("client_id", json!(answer.client_id)),
        ("replica", json!(answer.replica)),
        ("from", json!(answer.from)),
        ("oldest", json!(answer.oldest)),
        ("points", answer.points.into_iter().map(point).collect()),
    ])
}

fn of(client: &str, page_size: i32, page_token: &str) -> ListDecisionsRequest {
    let (client_id, page_token) = (client.to_owned(), page_token.to_owned());
    ListDecisionsRequest { client_id, page_size, page_token }
}

#[tokio::test]
async fn decisions_are_told_the_newest_first_a_page_at_a_time_and_the_same_over_both_apis() {
    let world = asked_four_times().await;
    let first = parsed(&world.get(&format!("{DECISIONS}?limit=3")).await);
    let cursor = first["next_cursor"].as_str().expect("there are more");
    let second = parsed(&world.get(&format!("{DECISIONS}?limit=3&cursor={cursor}")).await);
    assert_eq!(
        first["decisions"],
        json!([
            {"time": "2023-11-14T22:14:21.520Z", "verdict": "passed", "reserved": 10},
            {"time": "2023-11-14T22:14:21.500Z", "verdict": "passed", "reserved": 40, "duration_ms": 20,
             "used": 0},
            {"time": "2023-11-14T22:13:21.500Z", "verdict": "refused", "reserved": 251, "limit": "tpm",
             "never": true},
        ])
    );
    // 250 - 130 are 120, and 6.25 came back: some 73.75 are missing, of which 250 / 60 come back a second.
    assert_eq!(
        second["decisions"],
        json!([
            {"time": "2023-11-14T22:13:21.500Z", "verdict": "refused", "reserved": 200, "limit": "tpm",
             "retry_after_ms": 17_700},
            {"time": "2023-11-14T22:13:20.000Z", "verdict": "passed", "reserved": 100, "duration_ms": 1_500,
             "used": 130},
        ])
    );
    assert_eq!(second["next_cursor"], Value::Null);
    assert_eq!(first["oldest"], json!("2023-11-14T22:13:20.000Z"));
    assert_eq!(first["client_id"], json!("acme"));

    let served = grpc::serve(&world).await;
    for (page_token, rest) in [("", first.clone()), (cursor, second)] {
        let answer = served.client().list_decisions(of("acme", 3, page_token)).await;
        let answer = answer.expect("answered").into_inner();
        assert_eq!(decisions_as_rest_has_them(answer), rest);
    }
}

#[tokio::test]
async fn history_is_told_minute_by_minute_and_the_same_over_both_apis() {
    let world = asked_four_times().await;
    let rest = parsed(&world.get(HISTORY).await);
    assert_eq!(
        rest["points"],
        json!([
            {"time": "2023-11-14T22:13:00.000Z", "requests": 3, "refused": 2, "reserved": 100, "used": 130},
            {"time": "2023-11-14T22:14:00.000Z", "requests": 2, "refused": 0, "reserved": 50, "used": 0},
        ])
    );
    assert_eq!(rest["from"], json!("2023-11-14T21:15:00.000Z"));
    assert_eq!(rest["oldest"], json!("2023-11-14T22:13:20.000Z"));
    let served = grpc::serve(&world).await;
    let request = GetHistoryRequest { client_id: "acme".to_owned() };
    let answer = served.client().get_history(request).await.expect("answered").into_inner();
    assert_eq!(history_as_rest_has_it(answer), rest);

    world.later(3_600_000);
    let later = parsed(&world.get(HISTORY).await);
    let points = later["points"].as_array().expect("a list");
    assert_eq!((points.len(), &points[0]["requests"]), (60, &json!(0)), "{later}");
}

#[tokio::test]
async fn who_is_not_configured_is_asked_for_as_unknown_and_by_no_other_name() {
    let world = asked_four_times().await;
    let unknown = parsed(&world.get("/api/v1/clients/unknown/decisions").await);
    assert_eq!(unknown["decisions"].as_array().map(Vec::len), Some(1), "{unknown}");
    assert_eq!(unknown["decisions"][0]["reserved"], json!(7));
    let served = grpc::serve(&world).await;
    for path in ["decisions", "history"] {
        let nobody = world.get(&format!("/api/v1/clients/somebody/{path}")).await;
        nobody.is_error(404, "client_not_found", "Client not found");
    }
    let answer = served.client().list_decisions(of("somebody", 0, "")).await.expect("answered");
    assert_eq!(answer.into_inner(), ListDecisionsResponse::default());
    let request = GetHistoryRequest { client_id: "somebody".to_owned() };
    let answer = served.client().get_history(request).await.expect("answered").into_inner();
    assert_eq!(answer, GetHistoryResponse::default());

    let denying = World::keeping(100, &UnknownClients::Deny);
    denying.ask("somebody", 1);
    let denied = denying.get("/api/v1/clients/unknown/history").await;
    denied.is_error(404, "client_not_found", "Client not found");
}

#[tokio::test]
async fn a_client_that_never_asked_has_no_decisions_and_minutes_of_nothing() {
    let world = World::keeping(100, &UnknownClients::Allow);
    world.configure("acme", None, None).await;
    let told = parsed(&world.get(DECISIONS).await);
    assert_eq!((&told["decisions"], &told["next_cursor"]), (&json!([]), &Value::Null));
    let history = parsed(&world.get(HISTORY).await);
    let nothing = json!({
        "time": "2023-11-14T22:13:00.000Z", "requests": 0, "refused": 0, "reserved": 0, "used": 0,
    });
    assert_eq!(history["points"], json!([nothing]));
}

#[tokio::test]
async fn a_wrong_parameter_is_named_with_what_is_allowed() {
    let world = asked_four_times().await;
    let cursor = "must be an earlier answer's next_cursor, or absent, not";
    for (query, message) in [
        ("limit=0", "limit must be an integer from 1 to 1000, not \"0\"".to_owned()),
        ("limit=1001", "limit must be an integer from 1 to 1000, not \"1001\"".to_owned()),
        ("limit=-1", "limit must be an integer from 1 to 1000, not \"-1\"".to_owned()),
        ("limit=1&limit=2", "limit must be given once, not twice".to_owned()),
        ("cursor=", format!("cursor {cursor} \"\"")),
        ("cursor=12", format!("cursor {cursor} \"12\"")),
        ("prefix=a", "\"prefix\" is not a parameter: limit and cursor are".to_owned()),
    ] {
        let reply = world.get(&format!("{DECISIONS}?{query}")).await;
        reply.is_error(400, "invalid_field", &message);
    }
    let other = "the cursor is of another control plane or of a process before this one, whose decisions \
                 are not kept here: begin again without it";
    world.get(&format!("{DECISIONS}?cursor=1-1")).await.is_error(400, "invalid_field", other);
    let served = grpc::serve(&world).await;
    for (size, token, message) in [
        (1_001, "", "page_size must be 0 (100) or an integer from 1 to 1000, not 1001"),
        (0, "12", "page_token must be an earlier answer's next_page_token, or absent, not \"12\""),
        (0, "1-1", other),
    ] {
        let status = refused(served.client().list_decisions(of("acme", size, token)).await);
        assert_eq!((status.code(), status.message()), (Code::InvalidArgument, message));
    }
}

#[tokio::test]
async fn where_no_decisions_are_kept_none_are_told_and_it_is_said_how_some_would_be() {
    let world = World::new();
    world.configure("acme", None, None).await;
    let message = "no decisions are kept (DECISIONS_KEPT=0), so that none can be told: set it to how many \
                   are to be, and start anew";
    for path in [DECISIONS, HISTORY] {
        world.get(path).await.is_error(409, "no_decisions", message);
    }
    let served = grpc::serve(&world).await;
    let status = refused(served.client().list_decisions(of("acme", 0, "")).await);
    assert_eq!((status.code(), status.message()), (Code::FailedPrecondition, message));
    world.get("/api/v1/clients/nobody/history").await.is_error(
        404,
        "client_not_found",
        "Client not found",
    );
}

#[tokio::test]
async fn an_answer_has_a_hundred_decisions_unless_more_are_asked_for() {
    let world = World::keeping(5_000, &UnknownClients::Allow);
    world.configure("acme", None, None).await;
    for _ in 0..1_200 {
        world.ask("acme", 1);
    }
    for (query, count) in [("", 100), ("?limit=1000", 1_000), ("?limit=1", 1)] {
        let told = parsed(&world.get(&format!("{DECISIONS}{query}")).await);
        assert_eq!(told["decisions"].as_array().map(Vec::len), Some(count));
        assert!(told["next_cursor"].is_string());
    }
}
