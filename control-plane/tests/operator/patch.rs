//! Changing some fields of a client: JSON merge patch over REST, a field mask over gRPC.

use std::sync::Arc;

use axum::{body::Body, http::Request};
use flowguard::operator::{Caller, Draft, Given, Precondition};
use futures_util::future::join_all;
use prost_types::FieldMask;
use proto::api::{ClientConfig, SetClientConfigRequest};
use tonic::{Code, Status};

use crate::{
    grpc,
    store::FailingStore,
    world::{Reply, World, refused, reply},
};

const A: &str = "/api/v1/clients/a";

async fn world() -> World {
    let world = World::new();
    world.put(A, r#"{"rpm":60,"tpm":1000,"min_estimate":5}"#).await;
    world
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_keeps_the_rest() {
    for (patch, message, config) in [
        (
            r#"{"rpm":61}"#,
            "Client a was changed",
            r#""rpm":61,"tpm":1000,"enabled":true,"min_estimate":5"#,
        ),
        (
            r#"{"tpm":null}"#,
            "Client a was changed: tpm 1000 was taken away",
            r#""rpm":60,"tpm":null,"enabled":true,"min_estimate":5"#,
        ),
        (
            r#"{"rpm":null,"tpm":null,"min_estimate":null}"#,
            "Client a was changed: rpm 60, tpm 1000 and min_estimate 5 were taken away; it has no limit",
            r#""rpm":null,"tpm":null,"enabled":true"#,
        ),
        (
            r#"{"enabled":false,"client_id":"a"}"#,
            "Client a was changed: it is not limited while enabled is false",
            r#""rpm":60,"tpm":1000,"enabled":false,"min_estimate":5"#,
        ),
        ("{}", "Client a was changed", r#""rpm":60,"tpm":1000,"enabled":true,"min_estimate":5"#),
    ] {
        let config = format!(r#"{{"client_id":"a",{config}}}"#);
        let answer = format!(r#"{{"success":true,"message":"{message}","config":{config}}}"#);
        let world = world().await;
        world.patch(A, patch).await.is(200, &answer);
        world.get(A).await.is(200, &config);
    }
}

#[tokio::test]
async fn a_patch_that_is_wrong_changes_nothing() {
    let world = world().await;
    let before = world.ledger.config("a");
    for (patch, code, message) in [
        (
            r#"{"rpm":0,"tpm":5,"burst":1}"#,
            "invalid_field",
            "rpm must be null or an integer from 1 to 1000000000000, not 0; \
             \"burst\" is not a field: client_id, rpm, tpm, enabled, min_estimate, group, plan and identities are",
        ),
        // What would be removed is not there to be removed.
        (r#"{"enabled":null}"#, "invalid_field", "enabled must be true or false, not null"),
        (
            r#"{"client_id":"b","rpm":1}"#,
            "invalid_field",
            "client_id must be \"a\" as in the path, or absent, not \"b\"",
        ),
        (
            r#"{"client_id":null}"#,
            "invalid_field",
            "client_id must be \"a\" as in the path, or absent, not null",
        ),
        (r#"{"rpm":1,"rpm":2}"#, "invalid_field", "rpm must be given once, not twice"),
        ("null", "invalid_json", "the body must be a JSON object"),
        ("[]", "invalid_json", "the body must be a JSON object"),
    ] {
        world.patch(A, patch).await.is_error(400, code, message);
        assert_eq!(world.ledger.config("a"), before);
    }
}

#[tokio::test]
async fn a_client_that_is_not_there_cannot_be_changed() {
    let world = World::new();
    for id in ["a", "unknown", "..", "a%20b"] {
        let reply = world.patch(&format!("/api/v1/clients/{id}"), r#"{"rpm":1}"#).await;
        reply.is_error(404, "client_not_found", "Client not found");
    }
    assert!(world.ledger.is_empty());
}

async fn patch_as(content_type: &str) -> Reply {
    let request = Request::patch(A).header("content-type", content_type).body(Body::from("{}"));
    reply(world().await.rest(), request.expect("a request")).await
}

#[tokio::test]
async fn a_patch_is_declared_as_one_or_as_json() {
    for content_type in [
        "application/merge-patch+json",
        "Application/Merge-Patch+JSON; charset=utf-8",
        "application/json",
    ] {
        assert_eq!(patch_as(content_type).await.status, 200, "{content_type}");
    }
    for content_type in ["application/json-patch+json", "text/plain", "application/merge-patch"] {
        patch_as(content_type).await.is_error(
            415,
            "unsupported_media_type",
            "the body must be JSON and be declared so: Content-Type: \
             application/merge-patch+json or application/json",
        );
    }
}

#[tokio::test]
async fn changes_of_different_fields_at_the_same_time_lose_nothing() {
    let world = world().await;
    for round in 1..=50_u64 {
        let change = |field: &'static str| {
            let operator = Arc::clone(&world.operator);
            let value = Given::Value(Some(round));
            let draft = match field {
                "rpm" => Draft { rpm: value, ..Draft::default() },
                "tpm" => Draft { tpm: value, ..Draft::default() },
                _ => Draft { min_estimate: value, ..Draft::default() },
            };
            tokio::spawn(async move {
                operator.patch("a", draft, Precondition::Anything, &Caller::Process).await
            })
        };
        for changed in join_all(["rpm", "tpm", "min_estimate"].map(change)).await {
            changed.expect("no panic").expect("changed");
        }
        let config = format!(
            r#"{{"client_id":"a","rpm":{round},"tpm":{round},"enabled":true,"min_estimate":{round}}}"#
        );
        world.get(A).await.is(200, &config);
    }
}

#[tokio::test]
async fn a_patch_refills_nothing() {
    let world = World::new();
    world.put(A, r#"{"rpm":2}"#).await;
    let _held = [world.ask_admitted("a", 0), world.ask_admitted("a", 0)];
    world.patch(A, r#"{"tpm":1000}"#).await;
    assert!(world.get(&format!("{A}/stats")).await.body.contains(r#""rpm_remaining":0"#));
}

#[tokio::test]
async fn a_patch_that_is_not_stored_is_not_in_force() {
    let store = FailingStore::default();
    let world = World::with_store(store.clone());
    world.configure("a", Some(1), None).await;
    store.break_down();
    assert_eq!(world.patch(A, r#"{"rpm":2}"#).await.error().0, 503);
    assert!(world.get(A).await.body.contains(r#""rpm":1,"#));
}

/// Sends `config` with a mask of these paths.
async fn set(world: &World, config: ClientConfig, mask: &[&str]) -> Result<String, Status> {
    let paths = mask.iter().map(|path| (*path).to_owned()).collect();
    let request = SetClientConfigRequest {
        config: Some(config),
        update_mask: Some(FieldMask { paths }),
        ..Default::default()
    };
    let answer = grpc::serve(world).await.client().set_client_config(request).await?;
    Ok(answer.into_inner().message)
}

fn config(rpm: Option<i64>, tpm: Option<i64>, enabled: Option<bool>) -> ClientConfig {
    ClientConfig { client_id: "a".to_owned(), rpm, tpm, enabled, ..Default::default() }
}

#[tokio::test]
async fn a_mask_changes_what_it_names_and_keeps_the_rest() {
    for (sent, mask, message, after) in [
        (
            config(Some(61), Some(7), Some(false)),
            &["rpm"][..],
            "Client a was changed",
            r#""rpm":61,"tpm":1000,"enabled":true,"min_estimate":5"#,
        ),
        (
            config(None, None, None),
            &["tpm", "min_estimate", "tpm"],
            "Client a was changed: tpm 1000 and min_estimate 5 were taken away",
            r#""rpm":60,"tpm":null,"enabled":true"#,
        ),
        (
            config(None, None, Some(false)),
            &["enabled"],
            "Client a was changed: it is not limited while enabled is false",
            r#""rpm":60,"tpm":1000,"enabled":false,"min_estimate":5"#,
        ),
        (
            config(Some(1), None, None),
            &["enabled", "rpm"],
            "Client a was changed; enabled (not given) is true",
            r#""rpm":1,"tpm":1000,"enabled":true,"min_estimate":5"#,
        ),
        (
            config(Some(1), Some(1), Some(true)),
            &[],
            "Client a was replaced: min_estimate 5 was taken away",
            r#""rpm":1,"tpm":1,"enabled":true"#,
        ),
    ] {
        let world = world().await;
        assert_eq!(set(&world, sent, mask).await.expect("changed"), message);
        world.get(A).await.is(200, &format!(r#"{{"client_id":"a",{after}}}"#));
    }
}

#[tokio::test]
async fn a_mask_of_what_is_no_field_is_an_invalid_argument_and_changes_nothing() {
    let world = world().await;
    let before = world.ledger.config("a");
    for path in ["burst", "client_id", "config.rpm", "*", "", "rpm,tpm", "RPM"] {
        let sent = config(Some(1), None, None);
        let status = refused(set(&world, sent, &["rpm", path]).await);
        let message = format!(
            "update_mask must name fields among rpm, tpm, enabled, min_estimate, group, plan and identities, \
             not \"{path}\""
        );
        assert_eq!((status.code(), status.message()), (Code::InvalidArgument, &*message));
    }
    let sent = ClientConfig { client_id: "b".to_owned(), ..config(Some(1), None, None) };
    assert_eq!(refused(set(&world, sent, &["rpm"]).await).code(), Code::NotFound);
    let status = refused(set(&world, config(Some(0), None, None), &["rpm"]).await);
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(world.ledger.config("a"), before);
    assert_eq!(world.ledger.len(), 1);
}
