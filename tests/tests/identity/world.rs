//! A stack that knows its clients in one way, and somebody who asks.

use std::net::SocketAddr;
use std::sync::Arc;

use harness::http_client::Answer;
use harness::raw_client::exchange;
use harness::stack::{StackBuilder, TestStack};
use harness::tls_tunnel::TlsTunnel;
use mock_llm::RecordedRequest;
use rcgen::SanType;
use serde_json::json;
use tempfile::TempDir;

use crate::certificates::Ca;
use crate::tokens;

/// Where the filters are listed, with the first of them.
const FLOWGUARD: &str = "                  - name: flowguard\n";

/// Where the listener for API traffic has its chain of filters.
const CHAIN: &str = "        - filters:\n            - name: envoy.filters.network.http_connection_manager\n              typed_config:\n                '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager\n                stat_prefix: proxy\n";

/// A stack of this identity.
pub(crate) fn stack(identity: &str) -> StackBuilder {
    TestStack::builder().setting("FLOWGUARD_IDENTITY", identity)
}

/// Envoy verifies tokens.
pub(crate) fn with_tokens(stack: StackBuilder) -> StackBuilder {
    stack.replacing(FLOWGUARD, tokens::jwt_authn() + FLOWGUARD)
}

/// Envoy asks for certificates.
pub(crate) fn with_certificates(stack: StackBuilder, ca: &Ca, folder: &TempDir) -> StackBuilder {
    let (first, rest) = CHAIN.split_once('\n').expect("several lines");
    assert_eq!(first.trim(), "- filters:");
    stack.replacing(CHAIN, ca.transport_socket(folder.path()) + rest)
}

/// A way in for a client with a certificate for `uri`.
pub(crate) async fn tunnel(stack: &TestStack, ca: &Ca, uri: Option<&str>) -> TlsTunnel {
    let client = uri.map(|uri| ca.client(vec![SanType::URI(uri.try_into().expect("a URI"))]));
    TlsTunnel::start(stack.proxy_address(), ca.certificate(), client).await
}

/// A client's new key.
pub(crate) async fn new_key(stack: &TestStack, client: &str) -> String {
    let path = format!("/api/v1/clients/{client}/keys");
    let answer = stack.admin().http().post(&path).json(&json!({})).send().await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["key"].as_str().expect("a key").to_owned()
}

/// Sends a request with these lines of headers.
pub(crate) async fn send(to: SocketAddr, path: &str, headers: &[u8]) -> Option<Answer> {
    let line = format!("POST {path} HTTP/1.1\r\nHost: proxy\r\nContent-Length: 0\r\n");
    exchange(to, &[line.as_bytes(), headers, b"\r\n"].concat()).await
}

/// Who a request came from, as the upstream saw it.
pub(crate) fn client_ids(request: &Arc<RecordedRequest>) -> Vec<Vec<u8>> {
    let named =
        request.headers.iter().filter(|(name, _)| name.as_str().replace('_', "-") == "x-client-id");
    named.map(|(_, value)| value.as_bytes().to_vec()).collect()
}
