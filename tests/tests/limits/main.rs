//! Limits beside a client's own two, on real Envoys: all that match a request are charged, or none.

mod examples;
mod levels;
mod places;

use harness::TestStack;
use harness::http_client::{HttpClient, RequestBuilder};
use serde_json::{Value, json};

/// A request for `model`, which is in the path.
fn ask(proxy: &HttpClient, client: &str, model: &str, query: &str) -> RequestBuilder {
    let body = json!({"messages": [{"role": "user", "content": "hello"}]});
    let path = format!("/openai/deployments/{model}/chat/completions?{query}");
    proxy.post(&path).client(client).json(&body)
}

/// What is told of the limits that apply to a client, by their names.
async fn limits_of(stack: &TestStack, client: &str) -> Value {
    let answer = stack.admin().http().get(&format!("/api/v1/clients/{client}/stats")).send().await;
    let stats = answer.json();
    let limits = stats["limits"].as_array().cloned().unwrap_or_default();
    let by_name = limits.into_iter().map(|limit| {
        let name = limit["name"].as_str().expect("a name").to_owned();
        (name, limit)
    });
    by_name.collect::<serde_json::Map<_, _>>().into()
}
