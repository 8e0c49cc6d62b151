//! Any bytes as a body of the REST API: what is accepted is what a GET tells, and can be put back;
//! what is refused changes nothing.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode, header},
};
use flowguard::{
    auth::Lock,
    health::Health,
    http::{Access, AllowedHosts, CorsOrigins},
    operator::{Operator, rest},
};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::world::{configs, fields, fields_of, operator, runtime};

const CLIENTS: &str = "/api/v1/clients";
const CLIENT: &str = "/api/v1/clients/a";

/// Sends `body` with each method that takes one.
pub fn check(body: &[u8]) {
    for (method, path) in [(Method::POST, CLIENTS), (Method::PUT, CLIENT), (Method::PATCH, CLIENT)]
    {
        runtime().block_on(async {
            let operator = operator().await;
            let before = configs(&operator);
            let api = api(&operator);
            let (status, answer) = send(&api, method.clone(), path, body).await;
            if status.is_success() {
                let config = &answer["config"];
                check_is_in_force(&operator, config);
                if method != Method::PATCH {
                    let given = serde_json::from_slice(body).expect("what was accepted is JSON");
                    assert_eq!(fields(config), fields(&given), "{answer}");
                }
                check_is_told(&api, config).await;
            } else {
                assert!(status.is_client_error(), "{status} {answer}");
                assert!(answer["error"].is_string() && answer["message"].is_string(), "{answer}");
                assert_eq!(configs(&operator), before, "{answer}");
            }
        });
    }
}

fn check_is_in_force(operator: &Operator, config: &Value) {
    let configs = configs(operator);
    let set = configs.iter().find(|set| config["client_id"] == set.id.as_str());
    assert_eq!(fields_of(set.expect("what was accepted is there")), fields(config));
}

async fn check_is_told(api: &Router, config: &Value) {
    let id = config["client_id"].as_str().expect("an id").replace('/', "%2F");
    let path = format!("{CLIENTS}/{id}");
    let (status, told) = send(api, Method::GET, &path, b"").await;
    assert_eq!((status, &told), (StatusCode::OK, config));
    let (status, answer) = send(api, Method::PUT, &path, told.to_string().as_bytes()).await;
    assert_eq!((status, &answer["config"]), (StatusCode::OK, config), "put back");
}

fn api(operator: &Arc<Operator>) -> Router {
    let access = Access { hosts: AllowedHosts::default(), origins: CorsOrigins::None };
    rest::router(Arc::clone(operator), Health::ready(), &access, &Lock::open())
}

async fn send(api: &Router, method: Method, path: &str, body: &[u8]) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_vec()))
        .expect("a request");
    let response = api.clone().oneshot(request).await.expect("routers do not fail");
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
    (status, serde_json::from_slice(&body).expect("every answer is JSON"))
}
