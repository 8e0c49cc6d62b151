//! `who-asks.yaml`: a listener for each way to know who asks, and the upstream's own key.

use harness::envoy::{Envoy, EnvoyPorts};
use harness::http_client::HttpClient;
use harness::ports::free_port;
use harness::tools;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::json;
use tempfile::TempDir;

use crate::{sample, world::World};

/// What stands in files beside the sample.
fn write_files(folder: &TempDir) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let jwks = json!({"keys": [{"kty": "oct", "alg": "HS256", "kid": "a", "k": "c2VjcmV0"}]});
    for (name, text) in [
        ("upstream-key", "Bearer sk-of-the-upstream".to_owned()),
        ("jwks.json", jwks.to_string()),
        ("listener.pem", cert.pem()),
        ("listener-key.pem", signing_key.serialize_pem()),
        ("clients-ca.pem", cert.pem()),
    ] {
        std::fs::write(folder.path().join(name), text).expect("a file can be written");
    }
}

#[tokio::test]
async fn nobody_is_known_without_a_credential() {
    let world = World::start().await;
    write_files(&world.folder);
    let (ports, by_claim, by_certificate) = (EnvoyPorts::free(), free_port(), free_port());
    let folder = world.folder.path().display();
    let config = sample::file("who-asks.yaml")
        .replace("/etc/envoy/filter.wasm", &tools::filter().display().to_string())
        .replace("/etc/envoy/", &format!("{folder}/"))
        .replace("port_value: 9901", &format!("port_value: {}", ports.admin))
        .replace("port_value: 8080", &format!("port_value: {}", ports.proxy))
        .replace("port_value: 8081", &format!("port_value: {by_claim}"))
        .replace("port_value: 8443", &format!("port_value: {by_certificate}"))
        .replace(
            "port_value: 9095",
            &format!("port_value: {}", world.control_plane.decision_address().port()),
        )
        .replace(
            "llm.internal, port_value: 8000",
            &format!("127.0.0.1, port_value: {}", world.upstream.address().port()),
        );
    let mut envoy = Envoy::spawn("envoy", &config, ports, 1, world.folder.path());
    envoy.wait_until_ready().await;

    for (port, error) in [(ports.proxy, "missing_credential"), (by_claim, "missing_credential")] {
        let proxy = HttpClient::http1(([127, 0, 0, 1], port).into());
        let answer = proxy.post("/").client("victim").send().await;
        assert_eq!(answer.status, 401, "{}", answer.text());
        assert_eq!(answer.json()["error"], error, "{}", answer.text());
    }
}
