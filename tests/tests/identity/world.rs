//! A stack that knows its clients in one way, and somebody who asks.

use std::net::SocketAddr;
use std::sync::Arc;

use harness::http_client::Answer;
use harness::raw_client::exchange;
use harness::stack::{StackBuilder, TestStack};
use mock_llm::RecordedRequest;

use crate::tokens;

/// Where the filters are listed, with the first of them.
const FLOWGUARD: &str = "                  - name: flowguard\n";

/// A stack of this identity.
pub(crate) fn stack(identity: &str) -> StackBuilder {
    TestStack::builder().setting("FLOWGUARD_IDENTITY", identity)
}

/// Envoy verifies tokens.
pub(crate) fn with_tokens(stack: StackBuilder) -> StackBuilder {
    stack.replacing(FLOWGUARD, tokens::jwt_authn() + FLOWGUARD)
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
