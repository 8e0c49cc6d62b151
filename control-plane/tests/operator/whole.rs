//! A whole configuration: what a dry run leaves as it was, and what holds while one is put in force.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use flowguard::{
    clients::Revision,
    ledger::{Answer, End},
    operator::{Caller, Precondition, Run, Wanted},
    store::{ConfigStore, Contents, Edit, NoStore, StoreError},
};
use futures_util::{StreamExt as _, future, stream};
use http::Request;
use proto::api::{Limit, LimitMatch, Model, SetConfigRequest, SetLimitRequest, SetModelRequest};
use serde_json::{Value, json};
use tokio::{sync::oneshot, task};
use tonic::Code;

use crate::{
    grpc,
    rules::send,
    world::{World, refused, reply},
};

const OLD: &str = r#"{"clients":{"a":{"rpm":60,"plan":"pro"},"b":{}},"models":{"m":["m"]},"limits":[{"name":"day","match":{"plan":"pro"},"each":["client"],"requests":10,"per":"1d"}]}"#;
const NEW: &str = r#"{"clients":{"a":{"rpm":1},"c":{}},"limits":[{"name":"day","match":{},"requests":1,"per":"1s"},{"name":"org","match":{},"concurrent":1}]}"#;

/// A store that counts its writes.
#[derive(Debug, Default)]
struct Counting {
    store: NoStore,
    writes: Arc<AtomicUsize>,
}

#[async_trait]
impl ConfigStore for Counting {
    async fn load(&self) -> Result<Contents, StoreError> {
        self.store.load().await
    }

    async fn write(&self, edits: Arc<Vec<Edit>>) -> Result<Revision, StoreError> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.store.write(edits).await
    }
}

/// All that can be asked about a configuration, with the tags.
async fn everything(world: &World) -> Vec<(String, Option<String>)> {
    let mut told = Vec::new();
    for path in [
        "config",
        "backup",
        "clients",
        "limits",
        "models",
        "clients/a",
        "clients/b",
        "limits/day",
        "limits/day/stats",
        "models/m",
        "stats",
        "clients/c",
        "limits/org",
    ] {
        let reply = world.get(&format!("/api/v1/{path}")).await;
        told.push((reply.body.clone(), reply.header("etag").map(str::to_owned)));
    }
    told
}

#[tokio::test]
async fn a_dry_run_writes_nothing_and_changes_neither_a_tag_nor_what_is_left() {
    let store = Counting::default();
    let writes = Arc::clone(&store.writes);
    let world = World::with_store(store);
    world.put("/api/v1/config", OLD).await;
    assert!(matches!(world.ask("a", 5), Answer::Admitted { .. }));
    let (before, written) = (everything(&world).await, writes.load(Ordering::SeqCst));
    assert_eq!(written, 1);

    let rest = world.put("/api/v1/config?dry_run=true", NEW).await;
    let told: Value = serde_json::from_str(&rest.body).expect("JSON");
    assert_eq!((rest.status.as_u16(), &told["dry_run"]), (200, &json!(true)));
    assert_eq!(told["deleted"], json!({"clients": ["b"], "limits": [], "models": ["m"]}));
    assert_eq!(everything(&world).await, before);

    let served = grpc::serve(&world).await;
    let request = SetConfigRequest { document: NEW.into(), dry_run: true, ..Default::default() };
    let grpc = served.client().set_config(stream::iter([request])).await;
    let grpc = grpc.expect("answered").into_inner();
    assert_eq!(told["message"], grpc.message);
    assert_eq!(rest.header("etag"), Some(&*format!("\"{}\"", grpc.etag)));
    assert!(grpc.dry_run);
    assert_eq!(everything(&world).await, before);
    assert_eq!(writes.load(Ordering::SeqCst), written);

    // What it told is what then is done, under the tag that it told.
    let done = send(&world, "PUT", "/api/v1/config", &format!("\"{}\"", grpc.etag), NEW).await;
    let done: Value = serde_json::from_str(&done.body).expect("JSON");
    for list in ["created", "replaced", "deleted"] {
        assert_eq!(done[list], told[list], "{list}");
    }
    assert_eq!(writes.load(Ordering::SeqCst), written + 1);
}

#[tokio::test]
async fn a_star_in_if_match_asks_for_whatever_is_there_over_both_apis() {
    let world = World::new();
    let served = grpc::serve(&world).await;
    let mut calls = served.client();
    let if_match = || "*".to_owned();
    let model = Model { name: "m".to_owned(), patterns: vec!["m".to_owned()] };
    let set_model =
        SetModelRequest { model: Some(model), if_match: if_match(), ..Default::default() };
    let limit = Limit {
        name: "org".to_owned(),
        r#match: Some(LimitMatch::default()),
        concurrent: Some(1),
        ..Default::default()
    };
    let set_limit =
        SetLimitRequest { limit: Some(limit), if_match: if_match(), ..Default::default() };
    let (m, org) = (
        ("/api/v1/models/m", r#"["m"]"#),
        ("/api/v1/limits/org", r#"{"match":{},"concurrent":1}"#),
    );

    // Nothing is there, and nothing is made.
    for (path, body) in [m, org, ("/api/v1/clients/a", "{}")] {
        let (status, code, message) = send(&world, "PUT", path, "*", body).await.error();
        assert_eq!((status, code.as_str()), (412, "revision_mismatch"));
        assert!(message.contains("is not there, so that no If-Match holds"), "{message}");
        assert_eq!(world.get(path).await.status, 404);
    }
    assert_eq!(refused(calls.set_model(set_model.clone()).await).code(), Code::Aborted);
    assert_eq!(refused(calls.set_limit(set_limit.clone()).await).code(), Code::Aborted);
    assert!(world.ledger.limits().is_empty());

    for (path, body) in [m, org] {
        assert_eq!(world.put(path, body).await.status, 201);
        assert_eq!(send(&world, "PUT", path, "*", body).await.status, 200);
    }
    calls.set_model(set_model).await.expect("it is there");
    calls.set_limit(set_limit).await.expect("it is there");

    // A configuration always is, also one that nobody wrote.
    for world in [World::new(), world] {
        let done = send(&world, "PUT", "/api/v1/config", "*", OLD).await;
        assert_eq!(done.status, 200, "{}", done.body);
        let served = grpc::serve(&world).await;
        let document = OLD.into();
        let request = SetConfigRequest { document, if_match: if_match(), dry_run: false };
        let done = served.client().set_config(stream::iter([request])).await;
        assert!(done.expect("answered").into_inner().success);
    }
}

#[tokio::test]
async fn a_document_that_comes_slowly_keeps_nobody_elses_waiting() {
    let world = World::new();
    let (rest_of_body, rest) = oneshot::channel::<Bytes>();
    let begin = stream::once(future::ready(Ok(Bytes::from_static(b"{"))));
    let body = Body::from_stream(begin.chain(stream::once(rest)));
    let slow = world.put("/api/v1/config", body);
    let next = async {
        assert_eq!(world.put("/api/v1/config?dry_run=true", OLD).await.status, 200);
        rest_of_body.send(Bytes::from_static(b"\"clients\":{}}")).expect("it is waited for");
    };
    let (slow, ()) = tokio::join!(slow, next);
    assert_eq!(slow.status, 200, "{}", slow.body);

    let served = grpc::serve(&world).await;
    let (last, is_last) = oneshot::channel::<()>();
    let first = SetConfigRequest { document: OLD.into(), ..Default::default() };
    let messages = stream::iter([first.clone()]).chain(stream::once(async {
        is_last.await.expect("somebody tells");
        SetConfigRequest::default()
    }));
    let mut calls = served.client();
    let slow = tokio::spawn(async move { calls.set_config(messages).await });
    served.client().set_config(stream::iter([first])).await.expect("answered");
    last.send(()).expect("it is waited for");
    slow.await.expect("no panic").expect("answered");
}

#[tokio::test]
async fn a_text_is_a_string_in_json_and_need_not_be_quoted_in_yaml() {
    let world = World::new();
    let document = r#"{"clients":{"x":{"group":false,"plan":7,"identities":[5,1.50,true]}},"models":{"m":[1]},"limits":[{"name":5,"match":{"plan":7},"concurrent":1}]}"#;
    let (status, code, message) = world.put("/api/v1/config", document).await.error();
    assert_eq!((status, code.as_str()), (400, "invalid_document"));
    for told in [
        "1:26: group must be",
        "not false",
        "1:39: plan must be",
        "not 7",
        "not 5",
        "not 1.50",
        "not true",
        "a pattern must be",
        "not 1;",
        "name must be",
        "match.plan must be",
    ] {
        assert!(message.contains(told), "{told}: {message}");
    }
    assert!(world.ledger.is_empty());
    // As it is where one thing is written.
    assert_eq!(world.put("/api/v1/clients/x", r#"{"group":false}"#).await.status, 400);

    let yaml = Request::put("/api/v1/config").header("content-type", "application/yaml");
    let yaml = reply(world.rest(), yaml.body(Body::from(document)).expect("a request")).await;
    assert_eq!(yaml.status, 200, "{}", yaml.body);
    let read = world.get("/api/v1/config").await.body;
    let texts = r#""group":"false","plan":"7","identities":["5","1.50","true"]"#;
    assert!(read.contains(texts), "{read}");
    // What is answered is taken.
    assert_eq!(world.put("/api/v1/config", read).await.status, 200);
}

/// Six hundred clients, more than are written in one go, on a plan.
fn crowd(plan: &str) -> serde_json::Map<String, Value> {
    let client = |n: usize| (format!("c-{n:03}"), json!({"rpm": 60, "tpm": 1000, "plan": plan}));
    (0..600).map(client).collect()
}

fn wanted(document: &Value) -> Wanted {
    Wanted::read(document.to_string().as_bytes()).expect("a document in order")
}

/// The new limits are in force before the last client is off the plan that they are for: meanwhile
/// it has eighteen buckets, two more than any configuration gives it.
#[tokio::test]
async fn under_the_limits_of_two_configurations_at_once_a_request_still_meets_all_or_none() {
    const LAST: &str = "c-599";
    let world = World::new();
    let replace = |wanted| {
        let operator = Arc::clone(&world.operator);
        async move {
            let anything = Precondition::Anything;
            operator.replace_all(wanted, Run::Real, anything, &Caller::Process).await
        }
    };
    replace(wanted(&json!({"clients": crowd("old")}))).await.expect("in force");
    let limit = |n: u64| {
        let name = format!("l-{n:02}");
        json!({"name": name, "match": {"plan": "old"}, "requests": 17 - n, "per": "31d"})
    };
    let limits: Vec<_> = (1..=16).map(limit).collect();
    let next = wanted(&json!({"clients": crowd("new"), "limits": limits}));
    let plan = || world.ledger.config(LAST).and_then(|config| config.plan);
    let old = plan();

    let write = task::spawn(replace(next));
    while world.ledger.limits().is_empty() {
        task::yield_now().await;
    }
    assert_eq!(plan(), old, "its turn has not come");
    let admitted = world.ask_admitted(LAST, 10);
    let left = async |limit: String| {
        let stats = world.get(&format!("/api/v1/limits/{limit}/stats")).await;
        let stats: Value = serde_json::from_str(&stats.body).expect("JSON");
        (stats["buckets"][0]["remaining"].as_u64(), stats["refused"].as_u64())
    };
    for n in 1..=16 {
        assert_eq!(left(format!("l-{n:02}")).await, (Some(16 - n), Some(0)), "l-{n:02}");
    }
    let Answer::Refused { refusal, .. } = world.ask(LAST, 10) else { panic!("of l-16 is none") };
    assert_eq!(refusal.limit.as_str(), "l-16");
    assert_eq!(left("l-16".to_owned()).await, (Some(0), Some(1)));
    assert_eq!(left("l-15".to_owned()).await, (Some(1), Some(0)), "a refusal costs nothing");
    assert_eq!(plan(), old, "its turn has not come");

    write.await.expect("no panic").expect("in force");
    assert_ne!(plan(), old);
    world.end(admitted, End::Canceled);
    for n in 1..=16 {
        assert_eq!(left(format!("l-{n:02}")).await.0, Some(17 - n), "l-{n:02} has it back");
    }
    assert!(matches!(world.ask(LAST, 10), Answer::Admitted { .. }));
    assert_eq!(left("l-16".to_owned()).await.0, Some(1), "it is on the plan no more");
}
