//! An Envoy with a certificate, one without, and certificates that are replaced under load.

use harness::check;
use harness::deadline::eventually;
use harness::load::Load;
use harness::pki::Authority;
use harness::stack::{StackBuilder, TestStack};

use crate::world::World;

const UPDATES: &str =
    "cluster.flowguard_decisions.client_ssl_socket_factory.ssl_context_update_by_sds";

fn builder(world: &World) -> StackBuilder {
    let builder = TestStack::builder().following_files().setting("UNKNOWN_CLIENTS", "allow");
    world.settings().iter().fold(builder, |builder, (name, value)| builder.setting(name, value))
}

async fn status(stack: &TestStack) -> u16 {
    stack.proxy().get("/").client("a").tokens(1).send().await.status.as_u16()
}

#[tokio::test]
async fn an_envoy_with_a_certificate_is_answered_and_one_without_is_not() {
    let world = World::new();
    let stack = builder(&world).start().await;
    assert_eq!(status(&stack).await, 200);
    let alpn = stack.envoy().stats("cluster.flowguard_decisions.ssl.handshake").await;
    assert!(alpn.values().any(|handshakes| *handshakes > 0), "{alpn:?}");
    check::filter_is_unharmed(stack.envoy()).await;

    let without = ["ENVOY_CERT_FILE", "ENVOY_KEY_FILE"];
    let builder = without.into_iter().fold(builder(&world), |all, name| all.setting(name, ""));
    let stack = builder.setting("DECISION_TIMEOUT_MS", "1000").start().await;
    assert_eq!(status(&stack).await, 503);
    eventually("it is told", || async {
        stack
            .control_plane
            .log()
            .contains("decision stream refused: no client certificate")
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn another_authority_takes_over_under_load_without_a_request_that_is_not_decided() {
    let world = World::new();
    let next = Authority::new("next");
    let stack = builder(&world).with_relay().workers(2).start().await;
    let proxy = stack.proxy();
    let load = Load::start(8, move || proxy.post("/").client("a").tokens(1));
    load.wait_for(50, 200).await;

    let both = [world.authority.pem(), next.pem()].concat();
    let steps: [(&str, &dyn Fn()); 3] = [
        ("both are trusted", &|| world.trust(&both)),
        ("the new one's certificates", &|| world.issue_by(&next)),
        ("only the new one is trusted", &|| world.trust(next.pem())),
    ];
    for (step, change) in steps {
        let updates = stack.envoy().stat(UPDATES).await;
        let taken = || stack.control_plane.log().matches("is shown to new connections").count();
        let before = taken();
        change();
        eventually(step, || async {
            let is_taken = taken() > before && stack.envoy().stat(UPDATES).await > updates;
            is_taken.then_some(())
        })
        .await;
        stack.relay.as_ref().expect("a relay").cut_open_connections();
        load.wait_for(50, 200).await;
    }
    for outcome in load.stop().await {
        let answer = outcome.expect("an answer");
        assert_eq!(answer.status.as_u16(), 200, "{}", answer.text());
    }
    let old = world.authority.issue(&["spiffe://example.org/envoy"]);
    let client = next.client(Some(&old), "h2");
    let connected = client.connect(stack.control_plane.decision_address()).await;
    // In TLS 1.3 a client hears of it when it reads.
    if let Ok(mut stream) = connected {
        let read = tokio::io::AsyncReadExt::read_u8(&mut stream).await;
        assert!(read.is_err(), "nobody trusts the old one any more");
    }
    check::filter_is_unharmed(stack.envoy()).await;
}
