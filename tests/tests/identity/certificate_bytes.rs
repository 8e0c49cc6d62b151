//! Names in certificates with bytes that no name has: an authority signs what it is asked to.

use harness::check;
use harness::stack::TestStack;
use harness::tls_tunnel::TlsTunnel;
use rcgen::SanType;
use serde_json::json;
use tempfile::TempDir;

use crate::certificates::Ca;
use crate::world::{client_ids, send, stack, with_certificates};

/// What each name is put before and behind: who reads it as lines, or up to a NUL, reads the victim's.
const BYTES: [&str; 6] = ["\n", "\r\n", "\0", "\t", "\u{7f}", "\n\0"];

/// Names that are not `name`, and that one who reads them wrongly takes for it.
fn nearly(name: &str) -> Vec<String> {
    let around = BYTES.iter().flat_map(|bytes| {
        [
            format!("{name}{bytes}"),
            format!("{name}{bytes}.example.org"),
            format!("{bytes}{name}"),
            format!("bob{bytes}{name}"),
            format!("bob{bytes}x-client-id: victim"),
        ]
    });
    around.collect()
}

/// What became of each request of somebody who shows a certificate with such a name.
async fn nobody_passes(stack: &TestStack, ca: &Ca, san: impl Fn(&str) -> SanType, name: &str) {
    let (mut refused, mut cut) = (0, 0);
    for wrong in nearly(name) {
        let client = ca.client(vec![san(&wrong)]);
        let tunnel = TlsTunnel::start(stack.proxy_address(), ca.certificate(), Some(client)).await;
        let own = b"X-Client-ID: victim\r\nX-Token-Estimate: 1\r\n";
        match send(tunnel.address(), "/wrong", own).await {
            // Envoy's TLS took it for no certificate.
            None => cut += 1,
            Some(answer) => {
                let told = answer.text();
                assert!(matches!(answer.status.as_u16(), 401 | 403), "{wrong:?}: {told}");
                assert!(told.contains("missing_credential") || told.contains("invalid_identity"));
                refused += 1;
            }
        }
    }
    println!("{refused} were refused by name, {cut} in the handshake");
    assert_eq!(refused + cut, nearly(name).len());
    assert!(stack.upstream.requests_to("/wrong").is_empty());
    let victim = stack.admin().stats("victim").await;
    assert_eq!(victim.total_requests, 0, "{victim:?}");
    check::filter_is_unharmed(stack.envoy()).await;

    // The name itself is the victim's.
    let client = ca.client(vec![san(name)]);
    let tunnel = TlsTunnel::start(stack.proxy_address(), ca.certificate(), Some(client)).await;
    let answer = send(tunnel.address(), "/right", b"").await.expect("an answer");
    check::admitted(&answer);
    let request = stack.upstream.request_to("/right").await;
    assert_eq!(client_ids(&request), [b"victim"]);
}

async fn known_by(cert: &str, name: &str, san: impl Fn(&str) -> SanType) {
    let (folder, ca) = (TempDir::new().expect("a temporary folder"), Ca::new());
    let builder = stack("mtls").setting("IDENTITY_CERT", cert);
    let stack = with_certificates(builder, &ca, &folder).start().await;
    let victim = json!({"rpm": null, "tpm": null, "identities": [name]});
    let made = stack.admin().put("victim", &victim).await;
    assert!(made.status.is_success(), "{}", made.text());
    nobody_passes(&stack, &ca, san, name).await;
}

#[tokio::test]
async fn a_uri_with_a_line_feed_or_a_nul_in_it_is_nobodys() {
    let uri = |text: &str| SanType::URI(text.try_into().expect("ASCII"));
    known_by("uri", "spiffe://cluster.local/ns/default/sa/victim", uri).await;
}

#[tokio::test]
async fn a_dns_name_with_a_line_feed_or_a_nul_in_it_is_nobodys() {
    let dns = |text: &str| SanType::DnsName(text.try_into().expect("ASCII"));
    known_by("dns", "victim.example.org", dns).await;
}
