//! What other limits would have done, over both APIs: the same, and nothing is changed.

use axum::body::Body;
use bytes::Bytes;
use flowguard::ledger::{End, UnknownClients};
use futures_util::{StreamExt as _, future, stream};
use proto::api::{ClientConfig, PreviewRefusals, PreviewRequest, PreviewResponse};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tonic::Code;

use crate::{
    grpc,
    world::{World, limit, parsed, refused},
};

const PATH: &str = "/api/v1/preview";

/// A world that keeps so many decisions.
fn keeping(max: u64) -> World {
    let unknown = UnknownClients::Shared { rpm: limit(60), tpm: limit(1_000) };
    World::keeping(max, &unknown)
}

/// One client that asks for 100 tokens three times, a second apart, of 250 a minute.
async fn asked_three_times() -> World {
    let world = keeping(1_000);
    world.configure("acme", Some(60), Some(250)).await;
    for _ in 0..3 {
        world.ask("acme", 100);
        world.later(1_000);
    }
    world
}

fn as_rest_has_it(answer: PreviewResponse) -> Value {
    let refusals = |of: Option<PreviewRefusals>| {
        let of = of.expect("refusals");
        json!({
            "refused": of.refused, "never": of.never,
            "longest_wait_ms": of.longest_wait_ms, "total_wait_ms": of.total_wait_ms,
        })
    };
    let clients: Vec<_> = answer
        .clients
        .into_iter()
        .map(|of| {
            let limits = of.limits.iter();
            let limits = limits.map(|of| json!({"name": of.name, "then": of.then, "now": of.now}));
            let first = of.first.iter().map(|of| {
                let mut first = json!({"time": of.time, "tokens": of.tokens, "limit": of.limit});
                for (name, value) in [
                    ("model", json!(of.model)),
                    ("retry_after_ms", json!(of.retry_after_ms)),
                    ("never", json!(of.never)),
                ] {
                    if !value.is_null() {
                        first[name] = value;
                    }
                }
                first
            });
            json!({
                "client_id": of.client_id, "decisions": of.decisions,
                "then": refusals(of.then), "now": refusals(of.now),
                "newly_refused": of.newly_refused, "newly_admitted": of.newly_admitted,
                "limits": limits.collect::<Vec<_>>(), "first": first.collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "oldest": answer.oldest, "latest": answer.latest, "decisions": answer.decisions,
        "cut": answer.cut, "then": refusals(answer.then), "now": refusals(answer.now),
        "newly_refused": answer.newly_refused, "newly_admitted": answer.newly_admitted,
        "clients": clients,
    })
}

#[tokio::test]
async fn a_client_is_told_what_another_limit_would_have_refused_over_both_apis() {
    let world = asked_three_times().await;
    let supposed = r#"{"client":{"client_id":"acme","rpm":60,"tpm":120}}"#;
    let rest = parsed(&world.post(PATH, supposed).await);
    let served = grpc::serve(&world).await;
    let client = ClientConfig {
        client_id: "acme".to_owned(),
        rpm: Some(60),
        tpm: Some(120),
        ..ClientConfig::default()
    };
    let request = PreviewRequest { client: Some(client), ..PreviewRequest::default() };
    let stream = stream::iter([request]);
    let answer = served.client().preview(stream).await.expect("answered").into_inner();
    assert_eq!(as_rest_has_it(answer), rest);

    // 120 - 100 are 20, and two tokens come back a second: at once and a second later it has too little.
    let acme = &rest["clients"][0];
    assert_eq!((&rest["decisions"], &rest["cut"]), (&json!(3), &json!(false)));
    assert_eq!(rest["oldest"], json!("2023-11-14T22:13:20.000Z"));
    assert_eq!(rest["latest"], json!("2023-11-14T22:13:22.000Z"));
    assert_eq!((&acme["then"]["refused"], &acme["now"]["refused"]), (&json!(1), &json!(2)));
    assert_eq!(acme["limits"], json!([{"name": "tpm", "then": 1, "now": 2}]));
    let first = json!({
        "time": "2023-11-14T22:13:21.000Z", "tokens": 100, "limit": "tpm", "retry_after_ms": 39_000,
    });
    assert_eq!(acme["first"][0], first);
    assert_eq!(acme["now"]["longest_wait_ms"], json!(39_000));
    assert_eq!(acme["now"]["total_wait_ms"], json!(39_000 + 38_000));
    // And nothing is changed.
    assert_eq!(world.ledger.config("acme").expect("it is there").limits.tpm, Some(limit(250)));
}

#[tokio::test]
async fn where_nothing_is_supposed_every_verdict_is_what_it_was() {
    let world = asked_three_times().await;
    world.end(1, End::Canceled);
    world.ask("acme", 100);
    let told = parsed(&world.post(PATH, "{}").await);
    assert_eq!((&told["decisions"], &told["then"]), (&json!(4), &told["now"]));
    assert_eq!((&told["newly_refused"], &told["newly_admitted"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn a_limit_and_a_whole_document_can_be_supposed() {
    let world = asked_three_times().await;
    let limit = r#"{"limit":{"name":"day","match":{},"requests":1,"per":"1d"}}"#;
    let told = parsed(&world.post(PATH, limit).await);
    assert_eq!(
        told["clients"][0]["limits"],
        json!([
            {"name": "day", "then": 0, "now": 2}, {"name": "tpm", "then": 1, "now": 0},
        ])
    );
    assert_eq!(told["newly_refused"], json!(1));
    let document = r#"{"config":{"clients":{"acme":{"rpm":60,"tpm":1000}}}}"#;
    let told = parsed(&world.post(PATH, document).await);
    assert_eq!((&told["newly_admitted"], &told["now"]["refused"]), (&json!(1), &json!(0)));
    assert!(world.ledger.limits().is_empty(), "a preview was put in force");
}

#[tokio::test]
async fn what_is_wrong_is_told_as_of_a_write() {
    let world = asked_three_times().await;
    for (body, code, message) in [
        (
            r#"{"client":{"client_id":"acme","rpm":0}}"#,
            "invalid_field",
            "rpm must be null or an integer from 1 to 1000000000000, not 0",
        ),
        (
            r#"{"client":{"client_id":"acme"},"limit":{"name":"day"}}"#,
            "invalid_field",
            "limit must not be given with client: a preview takes one of client, limit and config",
        ),
        (r#"{"client":7}"#, "invalid_field", "client must be an object, not 7"),
        (
            r#"{"clients":{}}"#,
            "invalid_field",
            "\"clients\" is not a field: client, limit and config are",
        ),
        (
            r#"{"limit":{"name":"m","match":{"model":"none"},"requests":1,"per":"1m"}}"#,
            "invalid_field",
            "match.model of limit m must be \"other\" or the name of a configured model, not \"none\": \
             configure the model first",
        ),
    ] {
        world.post(PATH, body).await.is_error(400, code, message);
    }
    let (status, code, _) =
        world.post(PATH, r#"{"config":{"clients":{"a":{"rpm":0}}}}"#).await.error();
    assert_eq!((status, code.as_str()), (400, "invalid_document"));
}

#[tokio::test]
async fn where_no_decisions_are_kept_there_is_no_preview() {
    let world = World::new();
    let message = "no decisions are kept (DECISIONS_KEPT=0), so that none can be decided again";
    world.post(PATH, "{}").await.is_error(409, "no_preview", message);
    let served = grpc::serve(&world).await;
    let messages = stream::iter([PreviewRequest::default()]);
    let status = refused(served.client().preview(messages).await);
    assert_eq!((status.code(), status.message()), (Code::FailedPrecondition, message));
}

/// A body of which this is there, and the rest comes later.
fn begun(begin: impl Into<Bytes>, rest: oneshot::Receiver<Bytes>) -> Body {
    let begin = stream::once(future::ready(Ok(begin.into())));
    Body::from_stream(begin.chain(stream::once(rest)))
}

#[tokio::test]
async fn a_body_that_comes_slowly_keeps_nobody_from_a_preview() {
    let world = asked_three_times().await;
    let (rest_of_body, rest) = oneshot::channel::<Bytes>();
    let slow = world.post(PATH, begun("{", rest));
    let next = async {
        assert_eq!(parsed(&world.post(PATH, "{}").await)["decisions"], json!(3));
        rest_of_body.send(Bytes::from_static(b"}")).expect("it is waited for");
    };
    let (slow, ()) = tokio::join!(slow, next);
    assert_eq!(parsed(&slow)["decisions"], json!(3));

    let served = grpc::serve(&world).await;
    let (last, is_last) = oneshot::channel::<()>();
    let messages = stream::iter([PreviewRequest::default()]).chain(stream::once(async {
        is_last.await.expect("somebody tells");
        PreviewRequest::default()
    }));
    let mut calls = served.client();
    let slow = tokio::spawn(async move { calls.preview(messages).await });
    let next = served.client().preview(stream::iter([PreviewRequest::default()])).await;
    next.expect("answered");
    last.send(()).expect("it is waited for");
    slow.await.expect("no panic").expect("answered");
}

#[tokio::test]
async fn what_is_supposed_in_json_is_judged_as_when_it_is_written() {
    let world = asked_three_times().await;
    for limit in [
        json!({"name": 5, "match": {}, "tokens": 5, "per": "1m"}),
        json!({"name": "l", "match": {"plan": true}, "tokens": 5, "per": "1m"}),
    ] {
        let alone = world.post(PATH, json!({"limit": limit}).to_string()).await;
        let document = json!({"limits": [limit]});
        let within = world.post(PATH, json!({"config": document}).to_string()).await;
        let written = world.put("/api/v1/config", document.to_string()).await;
        for reply in [alone, within, written] {
            assert_eq!(reply.status, 400, "{limit}: {}", reply.body);
        }
    }
}

#[tokio::test]
async fn one_preview_is_at_work_at_a_time_and_the_next_is_told_to_come_back() {
    let world = asked_three_times().await;
    let (rest_of_body, rest) = oneshot::channel::<Bytes>();
    let begin = Bytes::from(vec![b' '; 256 * 1024 + 1]);
    let first = world.post(PATH, begun(begin, rest));
    let next = async {
        // The body of the first one is so long by now that it has its place before all of it is there.
        let busy = world.post(PATH, "{}").await;
        let (status, code, _) = busy.error();
        assert_eq!((status, code.as_str()), (503, "preview_busy"));
        assert_eq!(busy.header("retry-after"), Some("1"));
        rest_of_body.send(Bytes::from_static(b"{}")).expect("it is waited for");
    };
    let (first, ()) = tokio::join!(first, next);
    assert_eq!(parsed(&first)["decisions"], json!(3));
    parsed(&world.post(PATH, "{}").await);
}
