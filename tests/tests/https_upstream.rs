//! An upstream behind TLS: Envoy says its name, trusts the right certificate only, and agrees on a
//! protocol.

use harness::check;
use harness::stack::{StackBuilder, TestStack};
use harness::tls::{Handshake, TlsFront};
use mock_llm::MockLlm;
use tempfile::TempDir;

/// A mock LLM behind a certificate for `name`, and a stack that forwards to it as `localhost`.
struct Https {
    stack: TestStack,
    upstream: MockLlm,
    front: TlsFront,
    _folder: TempDir,
}

impl Https {
    async fn start(builder: StackBuilder, name: &str, alpn: &[&str]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let upstream = MockLlm::start().await;
        let front = TlsFront::start(upstream.address(), name, alpn, folder.path()).await;
        let ca_file = front.ca_file().to_str().expect("a path of text").to_owned();
        let stack = builder
            .upstream(format!("https://localhost:{}", front.port()))
            .setting("UPSTREAM_CA_FILE", &ca_file)
            .start()
            .await;
        stack.admin().put_client("a", None, None).await;
        Self { stack, upstream, front, _folder: folder }
    }
}

#[tokio::test]
async fn the_upstream_is_told_its_own_name_and_the_best_protocol_is_spoken() {
    // Once it stands in the one file, once Envoy discovers it.
    for (builder, alpn, agreed) in [
        (TestStack::builder(), &["h2", "http/1.1"][..], "h2"),
        (TestStack::builder().following_files(), &["http/1.1"], "http/1.1"),
    ] {
        let https = Https::start(builder, "localhost", alpn).await;
        let answer = https.stack.proxy().get("/v1/models").client("a").tokens(1).send().await;
        check::admitted(&answer);

        let arrived = https.upstream.request_to("/v1/models").await;
        assert_eq!(arrived.host(), format!("localhost:{}", https.front.port()));
        let handshake =
            Handshake { server_name: Some("localhost".to_owned()), alpn: Some(agreed.to_owned()) };
        assert_eq!(https.front.handshakes(), [handshake]);
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_trusted() {
    let https = Https::start(TestStack::builder(), "elsewhere.example", &["http/1.1"]).await;
    let answer = https.stack.proxy().get("/v1/models").client("a").tokens(1).send().await;
    assert_eq!(answer.status.as_u16(), 503);
    assert!(
        https.upstream.requests().is_empty(),
        "a request reached an upstream nobody vouched for"
    );
}
