//! What every sample is for: the requests to one host are limited, and nobody notices it but them.

use std::sync::atomic::{AtomicU32, Ordering};

use harness::check::{self, NO_CLIENT_ID, RPM_EXCEEDED};
use harness::deadline::eventually_equal;
use harness::envoy::Envoy;
use harness::http_client::{Answer, HttpClient};
use http::StatusCode;
use serde_json::Value;

use crate::config::enforcing;
use crate::neighbour;
use crate::world::World;

/// The host that the samples limit.
pub(crate) const HOST: &str = "llm.example.com";

/// A request to it that no setting of the samples has a reason to change.
const REQUEST: &str = "POST /v1/anything HTTP/1.1\r\nX-Client-ID: somebody\r\n\
                       X-Token-Estimate: 1\r\nX-Forwarded-For: 203.0.113.7\r\n\
                       my_header: 1\r\nContent-Length: 2\r\n\r\nok";

/// With FlowGuard in it, in shadow and enforcing, a neighbour sees what he saw before.
pub(crate) async fn and_a_neighbour_notices_nothing(before: &Value, with_flowguard: &Value) {
    let mut world = World::start().await;
    let envoy = world.envoy("before", before).await;
    let seen_before = neighbour::goes_about(&envoy).await;
    let upstream_saw_before = what_the_upstream_sees(&envoy).await;
    drop(envoy);

    let envoy = world.envoy("shadow", with_flowguard).await;
    shadow_only_counts(&world, &envoy).await;
    assert_eq!(what_the_upstream_sees(&envoy).await, upstream_saw_before);
    assert_eq!(neighbour::goes_about(&envoy).await, seen_before);
    drop(envoy);

    let envoy = world.envoy("enforce", &enforcing(with_flowguard)).await;
    enforce_limits(&world, &envoy).await;
    assert_eq!(neighbour::goes_about(&envoy).await, seen_before);
    world.control_plane.process().kill();
    assert_eq!(neighbour::goes_about(&envoy).await, seen_before, "without a control plane");
    check::filter_is_unharmed(&envoy).await;
}

/// Shadow asks and counts, and refuses nothing.
pub(crate) async fn shadow_only_counts(world: &World, envoy: &Envoy) {
    let client = a_client_with_one_request(world).await;
    for _ in 0..2 {
        assert_eq!(ask(envoy, Some(&client)).await.status, StatusCode::OK);
    }
    assert_eq!(ask(envoy, None).await.status, StatusCode::OK);
    health_check_is_free(envoy).await;
    let admin = world.control_plane.admin();
    eventually_equal("the client's requests", 2, || async {
        admin.stats(&client).await.total_requests
    })
    .await;
    check::filter_is_unharmed(envoy).await;
}

/// Enforcing, a client gets what its limits say, and who has not the two headers gets nothing.
pub(crate) async fn enforce_limits(world: &World, envoy: &Envoy) {
    let client = a_client_with_one_request(world).await;
    assert_eq!(ask(envoy, Some(&client)).await.status, StatusCode::OK);
    check::refused_for_now(&ask(envoy, Some(&client)).await, &RPM_EXCEEDED);
    check::refused(&ask(envoy, None).await, &NO_CLIENT_ID);
    health_check_is_free(envoy).await;
    let refused = "wasmcustom.flowguard_decisions.outcome=rpm_exceeded";
    assert_eq!(envoy.stat(refused).await, 1, "Envoy shows what the filter counts");
}

/// The request as it goes on from Envoy, but for the timeout that the samples lift on its route.
async fn what_the_upstream_sees(envoy: &Envoy) -> Vec<String> {
    let answer = neighbour::answer(envoy, HOST, REQUEST).await;
    let (_, request) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}"));
    let lines = request.lines().filter(|line| !line.contains("x-envoy-expected-rq-timeout-ms"));
    lines.map(str::to_owned).collect()
}

/// A request to the limited host; with a client's two headers, or without.
async fn ask(envoy: &Envoy, client: Option<&str>) -> Answer {
    let request = HttpClient::one_connection_each(envoy.proxy_address()).post("/v1/anything");
    let request = request.header("host", HOST);
    let request = match client {
        Some(client) => request.client(client).tokens(1),
        None => request,
    };
    // FlowGuard's own form, whatever `error_format` finds in the path.
    request.header("user-agent", "test").send().await
}

async fn health_check_is_free(envoy: &Envoy) {
    let proxy = HttpClient::one_connection_each(envoy.proxy_address());
    let answer = proxy.get("/healthz").header("host", HOST).send().await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

/// A client of its own for each part of a test.
async fn a_client_with_one_request(world: &World) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let client = format!("client-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    world.control_plane.admin().put_client(&client, 1, None).await;
    client
}
