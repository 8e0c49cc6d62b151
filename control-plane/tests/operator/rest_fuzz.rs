//! Whatever is sent to the REST API, it is stored or refused; it is never the server's fault.

use std::sync::OnceLock;

use axum::{
    body::Body,
    http::{Method, Request},
};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::world::{World, reply};

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("a runtime"))
}

fn check_answered(method: &Method, path: &str, body: Vec<u8>) -> Result<(), TestCaseError> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .body(Body::from(body))
        .expect("a request");
    let reply = runtime().block_on(async {
        let world = World::new();
        world.configure("a", Some(1), None).await;
        reply(world.rest(), request).await
    });
    prop_assert!(reply.status.as_u16() < 500, "{} {}", reply.status, reply.body);
    Ok(())
}

/// Text that is nearly a configuration.
fn nearly_valid() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| n.to_string()),
        "\\PC{0,8}",
        "\"[a-z\\\\u0-9d]{0,12}\"",
        "[\\[\\]{}\",:]{0,12}",
    ];
    let name = prop_oneof![
        Just("client_id"),
        Just("rpm"),
        Just("tpm"),
        Just("enabled"),
        Just("min_estimate"),
        Just("x")
    ];
    prop::collection::vec((name, value), 0..6).prop_map(|fields| {
        let fields = fields.iter().map(|(name, value)| format!("\"{name}\":{value}"));
        format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
    })
}

proptest! {
    #[test]
    fn no_bytes_in_a_body_are_the_servers_fault(body: Vec<u8>) {
        check_answered(&Method::POST, "/api/v1/clients", body.clone())?;
        check_answered(&Method::PUT, "/api/v1/clients/a", body.clone())?;
        check_answered(&Method::PATCH, "/api/v1/clients/a", body)?;
    }

    #[test]
    fn no_nearly_valid_body_is_the_servers_fault(body in nearly_valid()) {
        check_answered(&Method::POST, "/api/v1/clients", body.clone().into_bytes())?;
        check_answered(&Method::PUT, "/api/v1/clients/a", body.clone().into_bytes())?;
        check_answered(&Method::PATCH, "/api/v1/clients/a", body.into_bytes())?;
    }

    #[test]
    fn no_id_in_a_path_is_the_servers_fault(id in "[!-~&&[^/?#]]{1,40}") {
        let Ok(path) = format!("/api/v1/clients/{id}").parse::<axum::http::Uri>() else {
            return Ok(());
        };
        for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
            check_answered(&method, path.path(), b"{}".to_vec())?;
        }
    }
}
