//! Secrets in an operator's calls: as who calls, and as everything else.

use harness::http_client::{HttpClient, RequestBuilder};
use http::Method;
use proto::api::{
    ClientConfig, CreateKeyRequest, CreateTokenRequest, GetClientConfigRequest, ListClientsRequest,
    SetClientConfigRequest,
};
use serde_json::{Value, json};

use crate::world::{World, variants};

/// What a call is told that shows `text` as its token.
fn as_caller(world: &World, text: &str) -> Vec<RequestBuilder> {
    let (rest, metrics) =
        (world.stack.control_plane.rest_address(), world.stack.control_plane.metrics_address());
    let mut calls = Vec::new();
    for (server, path) in [(rest, "/api/v1/clients"), (rest, "/nothing"), (metrics, "/metrics")] {
        for shown in [format!("Bearer {text}"), format!("Basic {text}"), text.to_owned()] {
            let client = HttpClient::one_connection_each(server);
            calls.push(client.get(path).header("authorization", &shown));
        }
        // Two of them are refused.
        let client = HttpClient::one_connection_each(server);
        let twice = client.get(path).header("authorization", format!("Bearer {text}"));
        calls.push(twice.header("authorization", format!("Bearer {text}")));
    }
    calls
}

/// Calls of somebody who may call, with `text` in their paths and headers.
fn around_a_body(world: &World, text: &str) -> Vec<RequestBuilder> {
    let encoded = text.replace('"', "%22").replace(',', "%2C");
    let mut calls = Vec::new();
    for path in [
        "/api/v1/clients/{}",
        "/api/v1/clients/{}/stats",
        "/api/v1/clients/a/keys/{}",
        "/api/v1/clients/{}/keys",
        "/api/v1/tokens/{}",
        "/api/v1/limits/{}",
        "/api/v1/limits/{}/stats?limit={}&cursor={}",
        "/api/v1/models/{}",
        "/nothing/{}",
        "/api/v1/clients?token={}",
        "/api/v1/clients?cursor={}&prefix={}",
        "/api/v1/clients/{}/explain?tokens={}&model={}",
        "/api/v1/clients?{}=1",
        "/api/v1/audit?cursor={}",
        "/api/v1/audit?limit={}",
        "/api/v1/audit?object=client/{}",
        "/api/v1/config?dry_run={}",
    ] {
        let path = path.replace("{}", &encoded);
        calls.push(world.rest(Method::GET, &path));
        calls.push(world.rest(Method::DELETE, &path));
        calls.push(world.rest(Method::POST, &path));
    }
    for header in ["x-request-id", "if-match", "origin", "content-type", "accept", "host"] {
        let body = r#"{"rpm":1}"#;
        let put = world.rest(Method::PUT, "/api/v1/clients/b").header(header, text);
        calls.push(if header == "content-type" { put.body(body) } else { put.json(&json!({})) });
    }
    calls
}

/// The same with it in their bodies.
fn in_a_body(world: &World, text: &str) -> Vec<RequestBuilder> {
    let encoded = text.replace('"', "%22").replace(',', "%2C");
    let mut calls = Vec::new();
    let mut put = |path: &str, body: &Value| {
        calls.push(world.rest(Method::PUT, path).json(body));
    };
    put(&format!("/api/v1/clients/{encoded}"), &json!({"rpm": 1}));
    for body in [
        json!({"note": text}),
        json!({ text: 1 }),
        json!({"client_id": text}),
        json!({"rpm": text}),
        json!({"enabled": text}),
        json!({"group": text}),
        json!({"group": format!("x/{text}")}),
        json!({"plan": text}),
        json!({"identities": [text]}),
        json!({"identities": text}),
        json!([text]),
        json!(text),
    ] {
        put("/api/v1/clients/b", &body);
    }
    put("/api/v1/models/m", &json!([text]));
    put(&format!("/api/v1/models/{encoded}"), &json!(["x"]));
    for field in ["match", "each", "requests", "per", "mode", "name"] {
        let mut limit = json!({"match": {}, "requests": 1, "per": "1s"});
        limit[field] = json!(text);
        put("/api/v1/limits/l", &limit);
    }
    for field in ["client", "group", "plan", "model"] {
        put("/api/v1/limits/l", &json!({"match": {field: text}, "requests": 1, "per": "1s"}));
    }
    for document in [
        json!({"clients": {text: {}}}),
        json!({"clients": {"a": {"plan": text}}}),
        json!({"models": {text: ["x"]}}),
        json!({"keys": {text: {"client_id": "a"}}}),
        json!({"keys": {"KeyPart00001": {"client_id": text, "sha256": text, "created_at": text}}}),
        json!({"tokens": {"KeyPart00001": {"name": text, "scopes": [text], "sha256": text}}}),
        json!({ text: {} }),
    ] {
        put("/api/v1/config", &document);
    }
    for token in [
        json!({"name": text, "scopes": ["read"]}),
        json!({"name": "x", "scopes": [text]}),
        json!({"name": "x", "scopes": ["read"], "expires_at": text}),
    ] {
        calls.push(world.rest(Method::POST, "/api/v1/tokens").json(&token));
    }
    // What cannot be parsed, in either notation.
    for (path, kind, body) in [
        ("/api/v1/clients/b", "application/json", format!("{{\"rpm\": {text}")),
        ("/api/v1/clients/b", "application/json", text.to_owned()),
        ("/api/v1/config", "application/json", format!("{{\"clients\": {text}}}")),
        ("/api/v1/config", "application/yaml", format!("clients: {{a: &x {text}, b: *y}}")),
        ("/api/v1/config", "application/yaml", format!("{text}: [")),
        ("/api/v1/config", "application/yaml", format!("clients:\n  ? {text}\n  : - !{text} x")),
    ] {
        calls.push(world.rest(Method::PUT, path).header("content-type", kind).body(body));
    }
    calls
}

/// Every answer is kept, and nothing of it is put in force.
pub(crate) async fn wrongly_over_rest(world: &mut World) {
    let mut calls: Vec<_> = world.shown().iter().flat_map(|it| as_caller(world, it)).collect();
    let [key, token, _] = world.of_each_kind();
    for text in [key, token].into_iter().flat_map(variants) {
        calls.extend(around_a_body(world, &text));
        calls.extend(in_a_body(world, &text));
    }
    for call in calls {
        // What cannot be sent is told by its sender.
        if let Ok(answer) = call.try_send().await {
            world.heard("an answer of REST", &answer);
        }
    }
    assert!(world.told.len() > 1_000, "{}", world.told.len());
}

/// The same in messages and metadata.
pub(crate) async fn wrongly_over_grpc(world: &mut World) {
    let (bearer, mut grpc) = (world.bearer(), world.grpc().await);
    let mut told = Vec::new();
    for text in world.shown() {
        for shown in [format!("Bearer {text}"), text.clone()] {
            let list = World::call(&shown, ListClientsRequest::default());
            told.push(grpc.list_clients(list).await.map(|answer| format!("{answer:?}")));
        }
    }
    let [key, token, _] = world.of_each_kind();
    for text in [key, token].into_iter().flat_map(variants) {
        let text = || text.clone();
        let page = ListClientsRequest { page_token: text(), ..ListClientsRequest::default() };
        let list = World::call(&bearer, page);
        told.push(grpc.list_clients(list).await.map(|answer| format!("{answer:?}")));
        let get = World::call(&bearer, GetClientConfigRequest { client_id: text() });
        told.push(grpc.get_client_config(get).await.map(|answer| format!("{answer:?}")));
        let key = World::call(&bearer, CreateKeyRequest { client_id: text(), expires_at: None });
        told.push(grpc.create_key(key).await.map(|answer| format!("{answer:?}")));
        let token = CreateTokenRequest { name: text(), scopes: vec![text()], expires_at: None };
        let token = World::call(&bearer, token);
        told.push(grpc.create_token(token).await.map(|answer| format!("{answer:?}")));
        let config = ClientConfig { client_id: text(), ..ClientConfig::default() };
        let request =
            SetClientConfigRequest { config: Some(config), ..SetClientConfigRequest::default() };
        let set = World::call(&bearer, request);
        told.push(grpc.set_client_config(set).await.map(|answer| format!("{answer:?}")));
    }
    assert!(told.len() > 100, "{}", told.len());
    for answer in told {
        let text = answer.unwrap_or_else(|status| format!("{status:?}"));
        world.told.push(("an answer of gRPC".to_owned(), text));
    }
}
