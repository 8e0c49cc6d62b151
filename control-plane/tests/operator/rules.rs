//! Limits, models, the whole configuration and who wrote it last, over both APIs.

use axum::{body::Body, http::Request};
use futures_util::stream;
use proto::api::{
    ClientConfig, DeleteLimitRequest, DeleteModelRequest, GetConfigRequest, GetLimitRequest,
    GetLimitStatsRequest, GetModelRequest, Limit, LimitMatch, ListLimitsRequest, ListModelsRequest,
    Model, SetClientConfigRequest, SetConfigRequest, SetLimitRequest, SetModelRequest,
};
use tonic::Code;

use crate::{
    grpc,
    world::{Reply, World, refused, reply},
};

const ORG: &str = r#"{"match":{"group":"acme"},"tokens":2000000,"per":"1m"}"#;
const NAMED: &str = r#"{"match":{"model":"gpt-4o"},"each":["client"],"requests":60,"per":"1m"}"#;

pub(crate) async fn send(
    world: &World,
    method: &str,
    path: &str,
    if_match: &str,
    body: &str,
) -> Reply {
    let mut request = Request::builder().method(method).uri(path);
    if !if_match.is_empty() {
        request = request.header("if-match", if_match);
    }
    let request = request.header("content-type", "application/json");
    reply(world.rest(), request.body(Body::from(body.to_owned())).expect("a request")).await
}

#[tokio::test]
async fn a_limit_is_created_read_replaced_and_deleted() {
    let world = World::new();
    let reply = world.put("/api/v1/limits/org", ORG).await;
    let org = r#"{"name":"org","match":{"group":"acme"},"tokens":2000000,"per":"1m"}"#;
    let created = r#"{"success":true,"message":"Limit org was created","config":"#;
    reply.is(201, &format!("{created}{org}}}"));
    assert_eq!(reply.header("etag"), Some(r#""1""#));
    let reply = world.get("/api/v1/limits/org").await;
    reply.is(200, org);
    assert_eq!(reply.header("etag"), Some(r#""1""#));

    let shadow = r#"{"match":{},"tokens":10,"per":"1d","burst":5,"mode":"shadow","trial":3}"#;
    let reply = world.put("/api/v1/limits/org", shadow).await;
    assert_eq!(reply.status, 200);
    let message = "Limit org was replaced: it refuses nothing while mode is shadow";
    assert!(reply.body.contains(message), "{}", reply.body);
    let reply = world.put("/api/v1/limits/org", ORG).await;
    let message = "Limit org was replaced: trial 3 was taken away; burst 5 was taken away";
    assert!(reply.body.contains(message), "{}", reply.body);
    assert_eq!(reply.header("etag"), Some(r#""3""#));

    let all = format!(r#"{{"limits":{{"org":{org}}},"count":1}}"#);
    world.get("/api/v1/limits").await.is(200, &all);
    let gone = r#"{"success":true,"message":"Limit org was deleted"}"#;
    world.delete("/api/v1/limits/org").await.is(200, gone);
    for path in ["/api/v1/limits/org", "/api/v1/limits/org/stats"] {
        world.get(path).await.is_error(404, "limit_not_found", "Limit not found");
    }
    world.get("/api/v1/limits").await.is(200, r#"{"limits":{},"count":0}"#);
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_limit_is_told_at_once() {
    let world = World::new();
    let wrong = r#"{"name":"other","match":{"plan":"a b","x":1},"per":"2y","burst":0,"y":1}"#;
    let (status, code, message) = world.put("/api/v1/limits/ORG", wrong).await.error();
    assert_eq!((status, code.as_str()), (400, "invalid_field"), "{message}");
    for part in
        ["name must be 1 to 64 characters", "match.plan must be", "per must be", "\"y\" is not"]
    {
        assert!(message.contains(part), "{part}: {message}");
    }
    let no_model = r#"{"match":{"model":"gpt-4o"},"concurrent":8}"#;
    world.put("/api/v1/limits/org", no_model).await.is_error(
        400,
        "invalid_field",
        "match.model of limit org must be \"other\" or the name of a configured model, not \
         \"gpt-4o\": configure the model first",
    );
    assert!(world.ledger.limits().is_empty());
}

#[tokio::test]
async fn a_model_that_a_limit_names_is_in_use() {
    let world = World::new();
    let reply = world.put("/api/v1/models/gpt-4o", r#"["gpt-4o","gpt-4o-2*"]"#).await;
    reply.is(
        201,
        r#"{"success":true,"message":"Model gpt-4o was created","config":["gpt-4o","gpt-4o-2*"]}"#,
    );
    world.get("/api/v1/models/gpt-4o").await.is(200, r#"["gpt-4o","gpt-4o-2*"]"#);
    let all = r#"{"models":{"gpt-4o":["gpt-4o","gpt-4o-2*"]},"count":1}"#;
    world.get("/api/v1/models").await.is(200, all);
    assert_eq!(world.put("/api/v1/limits/per-model", NAMED).await.status, 201);

    let in_use = "the model gpt-4o is in use by limit per-model: delete or change them first";
    world.delete("/api/v1/models/gpt-4o").await.is_error(409, "in_use", in_use);
    let tie = world.put("/api/v1/models/four", r#"["GPT-4O"]"#).await.error();
    assert_eq!((tie.0, tie.1.as_str()), (400, "invalid_field"), "{}", tie.2);
    assert!(tie.2.contains("both match \"gpt-4o\""), "{}", tie.2);
    world.put("/api/v1/models/x", "{}").await.is_error(
        400,
        "invalid_field",
        "patterns must be a list of 1 to 64 patterns, not {}",
    );

    world.delete("/api/v1/limits/per-model").await;
    assert_eq!(world.delete("/api/v1/models/gpt-4o").await.status, 200);
    let gone = world.get("/api/v1/models/gpt-4o").await;
    gone.is_error(404, "model_not_found", "Model not found");
}

#[tokio::test]
async fn a_write_whose_if_match_names_another_revision_changes_nothing() {
    let world = World::new();
    world.put("/api/v1/models/gpt-4o", r#"["gpt-4o"]"#).await;
    world.put("/api/v1/limits/org", ORG).await;
    world.put("/api/v1/clients/a", r#"{"rpm":1}"#).await;
    let other = r#"{"match":{},"concurrent":8}"#;
    for (path, body, tag) in [
        ("/api/v1/models/gpt-4o", r#"["gpt-4o*"]"#, r#""1""#),
        ("/api/v1/limits/org", other, r#""2""#),
        ("/api/v1/clients/a", r#"{"rpm":2}"#, r#""3""#),
    ] {
        let before = world.get(path).await;
        assert_eq!(before.header("etag"), Some(tag));
        for (method, body) in [("PUT", body), ("DELETE", "")] {
            let refused = send(&world, method, path, r#""7", W/"1""#, body).await.error();
            assert_eq!((refused.0, refused.1.as_str()), (412, "revision_mismatch"));
            assert!(refused.2.contains(&format!("has the ETag {tag} by now")), "{}", refused.2);
        }
        assert_eq!(world.get(path).await.body, before.body);
        let written = send(&world, "PUT", path, tag, body).await;
        assert_eq!(written.status, 200, "{}", written.body);
        let after = world.get(path).await;
        assert_eq!(after.header("etag"), written.header("etag"));
        assert_ne!(after.header("etag"), Some(tag));
        assert_eq!(send(&world, "DELETE", path, "*", "").await.status, 200);
        let absent = send(&world, "PUT", path, "*", body).await.error();
        assert_eq!((absent.0, absent.1.as_str()), (412, "revision_mismatch"));
        assert_eq!(send(&world, "DELETE", path, "*", "").await.status, 404);
    }
}

async fn send_if_none_match(world: &World, method: &str, path: &str, body: &str) -> Reply {
    let request = Request::builder().method(method).uri(path).header("if-none-match", "*");
    let request = request.header("content-type", "application/json");
    reply(world.rest(), request.body(Body::from(body.to_owned())).expect("a request")).await
}

#[tokio::test]
async fn with_if_none_match_a_thing_is_created_and_nothing_is_replaced() {
    let world = World::new();
    let (m, org, a) = (
        ("/api/v1/models/m", r#"["m"]"#, r#"["n"]"#),
        ("/api/v1/limits/org", ORG, NAMED),
        ("/api/v1/clients/a", r#"{"rpm":1}"#, r#"{"rpm":2}"#),
    );
    for (path, first, second) in [m, org, a] {
        let created = send_if_none_match(&world, "PUT", path, first).await;
        assert_eq!(created.status, 201, "{}", created.body);
        let before = world.get(path).await;
        for (method, body) in [("PUT", second), ("DELETE", "")] {
            let refused = send_if_none_match(&world, method, path, body).await.error();
            assert_eq!((refused.0, refused.1.as_str()), (412, "revision_mismatch"));
            assert!(refused.2.contains("is there already, with the ETag "), "{}", refused.2);
        }
        assert_eq!(world.get(path).await.body, before.body);
    }
    let body = r#"{"client_id":"a","rpm":2}"#;
    assert_eq!(send_if_none_match(&world, "POST", "/api/v1/clients", body).await.status, 412);
    let body = r#"{"client_id":"b","rpm":2}"#;
    assert_eq!(send_if_none_match(&world, "POST", "/api/v1/clients", body).await.status, 201);
    assert_eq!(send_if_none_match(&world, "PATCH", "/api/v1/clients/c", "{}").await.status, 404);
    let both = Request::builder().method("DELETE").uri("/api/v1/clients/b");
    let both = both.header("if-none-match", "*").header("if-match", "*");
    let both = reply(world.rest(), both.body(Body::empty()).expect("a request")).await.error();
    assert_eq!((both.0, both.1.as_str()), (400, "invalid_field"), "{}", both.2);
    assert_eq!(world.get("/api/v1/clients/b").await.status, 200);
}

#[tokio::test]
async fn if_match_is_for_every_call_that_writes_a_client() {
    let world = World::new();
    world.configure("a", Some(1), None).await;
    let id = r#"{"client_id":"a"}"#;
    for (method, path, body) in [
        ("POST", "/api/v1/clients", id),
        ("PATCH", "/api/v1/clients/a", "{}"),
        ("POST", "/api/v1/clients/a/reset", ""),
    ] {
        assert_eq!(send(&world, method, path, r#""9""#, body).await.error().0, 412, "{method}");
        assert_eq!(send(&world, method, path, "*", body).await.status, 200, "{method}");
    }
}

#[tokio::test]
async fn a_client_has_a_group_and_a_plan_and_is_told_what_takes_them_away() {
    let world = World::new();
    let member = r#"{"rpm":60,"group":"acme/research","plan":"pro"}"#;
    world.put("/api/v1/clients/a", member).await;
    let config = r#"{"client_id":"a","rpm":60,"tpm":null,"enabled":true,"group":"acme/research","plan":"pro"}"#;
    world.get("/api/v1/clients/a").await.is(200, config);
    let reply = world.put("/api/v1/clients/a", r#"{"rpm":60}"#).await;
    let message = "Client a was replaced: group acme/research and plan pro were taken away";
    assert!(reply.body.contains(message), "{}", reply.body);
}

#[tokio::test]
async fn a_seventeenth_bucket_is_refused_wherever_it_comes_from() {
    let world = World::new();
    let limit = r#"{"match":{"plan":"pro"},"requests":60,"per":"1m"}"#;
    for number in 0..15 {
        let written = world.put(&format!("/api/v1/limits/limit-{number}"), limit).await;
        assert_eq!(written.status, 201, "{}", written.body);
    }
    let one = world.put("/api/v1/clients/a", r#"{"rpm":1,"plan":"pro"}"#).await;
    assert_eq!(one.status, 201, "{}", one.body);
    for reply in [
        world.put("/api/v1/clients/a", r#"{"rpm":1,"tpm":1,"plan":"pro"}"#).await,
        world.put("/api/v1/limits/one-more", limit).await,
    ] {
        let (status, code, message) = reply.error();
        assert_eq!((status, code.as_str()), (400, "invalid_field"), "{message}");
        assert!(message.contains("would need 17 buckets, 16 at most"), "{message}");
        assert!(message.contains("limit-14"), "{message}");
    }
    assert_eq!(world.ledger.limits().len(), 15);
}

#[tokio::test]
async fn a_limits_buckets_are_read_a_page_at_a_time() {
    let world = World::new();
    let org = r#"{"match":{"group":"acme"},"each":["group"],"tokens":9,"per":"1m","trial":3}"#;
    world.put("/api/v1/limits/org", org).await;
    for (client, group) in [("a", "acme/x+y"), ("b", "acme"), ("c", "acme"), ("d", "other-org")] {
        let member = format!(r#"{{"group":"{group}"}}"#);
        world.put(&format!("/api/v1/clients/{client}"), member).await;
    }
    let head = r#"{"name":"org","measure":"tokens","limit":9,"trial":3,"refused":0,"would_refuse":0,"buckets":["#;
    let bucket = |group| format!(r#"{{"group":"{group}","remaining":9,"trial_remaining":3}}"#);
    let first = world.get("/api/v1/limits/org/stats?limit=1").await;
    first.is(200, &format!(r#"{head}{}],"next_cursor":",acme,,"}}"#, bucket("acme")));
    let second = world.get("/api/v1/limits/org/stats?limit=1&cursor=,acme,,").await;
    second.is(200, &format!("{head}{}]}}", bucket("acme/x+y")));
    let behind = world.get("/api/v1/limits/org/stats?cursor=,acme/x+y,,").await;
    behind.is(200, &format!("{head}]}}"));
    for (query, message) in [
        ("limit=0", "limit must be an integer from 1 to 1000, not \"0\""),
        ("cursor=x", "cursor must be an earlier answer's next_cursor, or absent, not \"x\""),
        ("page=2", "\"page\" is not a parameter: limit and cursor are"),
        ("limit=1&limit=2", "limit must be given once, not twice"),
    ] {
        let path = format!("/api/v1/limits/org/stats?{query}");
        world.get(&path).await.is_error(400, "invalid_field", message);
    }
}

const DOCUMENT: &str = r#"{"clients":{"a":{"rpm":60,"group":"acme"},"b":{"enabled":false}},"models":{"gpt-4o":["gpt-4o"]},"limits":[{"name":"org","match":{"group":"acme"},"tokens":10,"per":"1m"},{"name":"per-model","match":{"model":"gpt-4o"},"concurrent":8}]}"#;

#[tokio::test]
async fn the_whole_configuration_is_read_as_it_is_written() {
    let world = World::new();
    let empty = r#"{"clients":{},"models":{},"limits":[]}"#;
    world.get("/api/v1/config").await.is(200, empty);
    let reply = world.put("/api/v1/config", DOCUMENT).await;
    reply.is(
        200,
        r#"{"success":true,"dry_run":false,"message":"The configuration was replaced: created 2 clients, 2 limits, 1 model; replaced 0 clients, 0 limits, 0 models; deleted 0 clients, 0 limits, 0 models","created":{"clients":["a","b"],"limits":["org","per-model"],"models":["gpt-4o"]},"replaced":{"clients":[],"limits":[],"models":[]},"deleted":{"clients":[],"limits":[],"models":[]}}"#,
    );
    let read = world.get("/api/v1/config").await;
    read.is(200, DOCUMENT);
    assert_eq!(read.header("etag"), reply.header("etag"));
    // One write: all that it made is of one revision.
    for path in ["/api/v1/clients/a", "/api/v1/limits/org", "/api/v1/models/gpt-4o"] {
        assert_eq!(world.get(path).await.header("etag"), reply.header("etag"), "{path}");
    }
    for (query, message) in [
        ("?dry_run=true", "Nothing would be changed: this is the configuration in force"),
        ("", "Nothing was changed: this is the configuration in force"),
    ] {
        let again = world.put(&format!("/api/v1/config{query}"), DOCUMENT).await;
        assert!(again.body.contains(message), "{}", again.body);
        assert_eq!(again.header("etag"), reply.header("etag"));
    }
}

#[tokio::test]
async fn what_the_document_does_not_name_is_deleted_and_a_dry_run_tells_so_first() {
    let world = World::new();
    world.put("/api/v1/config", DOCUMENT).await;
    let tag = world.get("/api/v1/config").await.header("etag").map(str::to_owned);
    let next = "clients: {a: {rpm: 61}}\nlimits: [{name: org, match: {}, tokens: 10, per: 1m}]\n";
    let yaml = async |query: &str| {
        let request = Request::put(format!("/api/v1/config{query}"))
            .header("content-type", "application/yaml")
            .body(Body::from(next));
        reply(world.rest(), request.expect("a request")).await
    };
    let dry = yaml("?dry_run=true").await;
    let lists = r#""created":{"clients":[],"limits":[],"models":[]},"replaced":{"clients":["a"],"limits":["org"],"models":[]},"deleted":{"clients":["b"],"limits":["per-model"],"models":["gpt-4o"]}}"#;
    assert!(dry.body.ends_with(lists), "{}", dry.body);
    assert!(dry.body.contains("Nothing was changed, for this is a dry run"), "{}", dry.body);
    world.get("/api/v1/config").await.is(200, DOCUMENT);
    assert_eq!(dry.header("etag"), tag.as_deref());

    let done = yaml("").await;
    assert!(done.body.ends_with(lists), "{}", done.body);
    let message = "; 1 of those replaced lose a limit, a group or a plan";
    assert!(done.body.contains(message), "{}", done.body);
    let left = r#"{"clients":{"a":{"rpm":61}},"models":{},"limits":[{"name":"org","match":{},"tokens":10,"per":"1m"}]}"#;
    world.get("/api/v1/config").await.is(200, left);

    let late = send(&world, "PUT", "/api/v1/config", &tag.expect("a tag"), DOCUMENT).await;
    assert_eq!(late.error().1, "revision_mismatch");
    let typo = world.put("/api/v1/config?dry-run=true", DOCUMENT).await;
    typo.is_error(400, "invalid_field", "\"dry-run\" is not a parameter: dry_run is one");
    world.get("/api/v1/config").await.is(200, left);
}

#[tokio::test]
async fn of_a_document_with_mistakes_nothing_is_in_force_and_all_are_told_with_their_places() {
    let world = World::new();
    let wrong = "{\"clients\":{\"a\":{\"rpm\":0}},\n\"limits\":[{\"name\":\"rpm\"}]}";
    let (status, code, message) = world.put("/api/v1/config", wrong).await.error();
    assert_eq!((status, code.as_str()), (400, "invalid_document"), "{message}");
    assert!(message.contains("1:24: rpm must be null or an integer"), "{message}");
    assert!(message.contains("; 2:"), "{message}");
    assert_eq!(world.put("/api/v1/config", "clients: {}").await.error().1, "invalid_json");
    assert!(world.ledger.is_empty());
}

#[tokio::test]
async fn what_one_api_can_the_other_can() {
    let world = World::new();
    let served = grpc::serve(&world).await;
    let mut client = served.client();
    let model = Model { name: "gpt-4o".to_owned(), patterns: vec!["gpt-4o*".to_owned()] };
    let set = SetModelRequest { model: Some(model.clone()), ..Default::default() };
    let answer = client.set_model(set).await.expect("answered").into_inner();
    assert_eq!((answer.message.as_str(), answer.etag.as_str()), ("Model gpt-4o was created", "1"));
    let limit = Limit {
        name: "org".to_owned(),
        r#match: Some(LimitMatch { model: Some("gpt-4o".to_owned()), ..Default::default() }),
        each: vec!["client".to_owned()],
        tokens: Some(10),
        per: Some("1m".to_owned()),
        trial: Some(7),
        ..Default::default()
    };
    let set = SetLimitRequest { limit: Some(limit.clone()), ..Default::default() };
    let answer = client.set_limit(set.clone()).await.expect("answered").into_inner();
    assert_eq!((answer.message.as_str(), answer.etag.as_str()), ("Limit org was created", "2"));
    let json = r#"{"name":"org","match":{"model":"gpt-4o"},"each":["client"],"tokens":10,"per":"1m","trial":7}"#;
    world.get("/api/v1/limits/org").await.is(200, json);

    let again = SetLimitRequest { if_none_match: "*".to_owned(), ..set.clone() };
    let status = refused(client.set_limit(again).await);
    assert_eq!(status.code(), Code::Aborted);
    assert!(status.message().contains("is there already"), "{status}");
    let late = SetLimitRequest { if_match: "1".to_owned(), ..set };
    let status = refused(client.set_limit(late).await);
    assert_eq!(status.code(), Code::Aborted);
    let (_, _, message) = send(&world, "PUT", "/api/v1/limits/org", "1", json).await.error();
    assert_eq!(status.message(), message);

    let name = "org".to_owned();
    let got = client.get_limit(GetLimitRequest { name: name.clone() }).await.expect("answered");
    let got = got.into_inner();
    assert_eq!((got.limit, got.found, got.etag.as_str()), (Some(limit.clone()), true, "2"));
    let list = client.list_limits(ListLimitsRequest::default()).await.expect("answered");
    assert_eq!(list.into_inner().limits, [limit]);
    let told_of = GetLimitStatsRequest { name: name.clone(), ..Default::default() };
    let told_of = client.get_limit_stats(told_of).await.expect("answered").into_inner();
    let told_of = told_of.stats.expect("found");
    assert_eq!((told_of.measure.as_str(), told_of.limit, told_of.trial), ("tokens", 10, Some(7)));

    let model_name = "gpt-4o".to_owned();
    let got = client.get_model(GetModelRequest { name: model_name.clone() }).await;
    assert_eq!(got.expect("answered").into_inner().model, Some(model.clone()));
    let list = client.list_models(ListModelsRequest::default()).await.expect("answered");
    assert_eq!(list.into_inner().models, [model]);
    let delete = DeleteModelRequest { name: model_name, ..Default::default() };
    let status = refused(client.delete_model(delete.clone()).await);
    assert_eq!(status.code(), Code::FailedPrecondition);
    let delete_limit = DeleteLimitRequest { name, ..Default::default() };
    let deleted = client.delete_limit(delete_limit.clone()).await.expect("answered").into_inner();
    assert_eq!((deleted.success, deleted.message.as_str()), (true, "Limit org was deleted"));
    let deleted = client.delete_limit(delete_limit).await.expect("answered").into_inner();
    assert_eq!((deleted.success, deleted.message.as_str()), (false, "Limit not found"));
    assert!(client.delete_model(delete).await.expect("answered").into_inner().success);

    let config = ClientConfig {
        client_id: "a".to_owned(),
        group: Some("acme".to_owned()),
        plan: Some("pro".to_owned()),
        ..Default::default()
    };
    let set = SetClientConfigRequest { config: Some(config), ..Default::default() };
    client.set_client_config(set).await.expect("answered");
    let json =
        r#"{"client_id":"a","rpm":null,"tpm":null,"enabled":true,"group":"acme","plan":"pro"}"#;
    world.get("/api/v1/clients/a").await.is(200, json);
}

#[tokio::test]
async fn a_document_comes_and_goes_over_grpc_in_pieces() {
    let world = World::new();
    let served = grpc::serve(&world).await;
    let mut client = served.client();
    let set = |dry_run| {
        let pieces = DOCUMENT.as_bytes().chunks(50).enumerate().map(move |(index, piece)| {
            let dry_run = dry_run && index == 0;
            SetConfigRequest { document: piece.to_vec(), dry_run, ..Default::default() }
        });
        stream::iter(pieces.collect::<Vec<_>>())
    };
    let dry = client.set_config(set(true)).await.expect("answered").into_inner();
    assert!(dry.dry_run && world.ledger.is_empty(), "{}", dry.message);
    let done = client.set_config(set(false)).await.expect("answered").into_inner();
    assert_eq!(done.created.expect("lists").clients, ["a", "b"]);

    let answer = client.get_config(GetConfigRequest {}).await.expect("answered");
    let mut chunks = answer.into_inner();
    let (mut document, mut etag) = (Vec::new(), String::new());
    while let Some(chunk) = chunks.message().await.expect("to its end") {
        document.extend(chunk.document);
        etag.push_str(&chunk.etag);
    }
    assert_eq!(String::from_utf8(document).expect("text"), DOCUMENT);
    assert_eq!(etag, done.etag);
}
