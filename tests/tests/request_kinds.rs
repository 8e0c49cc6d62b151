//! What a request costs by its first line, on a real Envoy: to read and to count tokens cost none,
//! and no header and no path makes a request that generates look like one of these.

use harness::TestStack;
use harness::http_client::{HttpClient, RequestBuilder};
use http::Method;

/// Requests of a client of its own each, which reserve 400 tokens and are answered without usage.
struct Costs {
    stack: TestStack,
    clients: u32,
}

impl Costs {
    async fn check(
        &mut self,
        request: impl Fn(&HttpClient) -> RequestBuilder,
        expected_tokens: u64,
    ) {
        for proxy in [self.stack.proxy(), HttpClient::http2(self.stack.proxy_address())] {
            self.clients += 1;
            let client = format!("client-{}", self.clients);
            self.stack.admin().put_client(&client, None, 1_000).await;
            let answer = request(&proxy).client(&client).tokens(400).send().await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            // A marker that ends after it: then its end has been settled too.
            let marker = proxy.post("/v1/embeddings?total_tokens=7").json(&serde_json::json!({}));
            assert_eq!(marker.client(&client).tokens(7).send().await.status, 200);
            self.stack.admin().wait_for_tokens_used(&client, expected_tokens + 7).await;
        }
    }
}

#[tokio::test]
async fn only_a_request_that_generates_costs_tokens() {
    let mut costs = Costs { stack: TestStack::start().await, clients: 0 };
    for method in [Method::GET, Method::HEAD, Method::DELETE, Method::OPTIONS] {
        costs.check(|proxy| proxy.request(method.clone(), "/v1/files"), 0).await;
        for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
            let overridden = |proxy: &HttpClient| {
                proxy.request(method.clone(), "/v1/files").header(name, "GET").header(name, "POST")
            };
            costs.check(overridden, 400).await;
        }
    }
    for method in [Method::POST, Method::PUT, Method::PATCH] {
        costs.check(|proxy| proxy.request(method.clone(), "/v1/files"), 400).await;
    }
    for path in [
        "/v1/messages/count_tokens?beta=true",
        "/v1beta/models/gemini:countTokens",
        "/v1/responses/input_tokens",
    ] {
        costs.check(|proxy| proxy.post(path), 0).await;
        let overridden = |proxy: &HttpClient| proxy.post(path).header("x-http-method", "PUT");
        costs.check(overridden, 400).await;
        let elsewhere = |proxy: &HttpClient| proxy.post(path).header("x-original-url", "/v1/a");
        costs.check(elsewhere, 400).await;
    }
    for path in ["/v1/a?/count_tokens", "/v1/a;/count_tokens", "/v1/a%3f/count_tokens"] {
        costs.check(|proxy| proxy.post(path), 400).await;
    }
}
