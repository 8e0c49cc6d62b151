//! `existing-envoy.yaml`: what is FlowGuard's stands between ADD and END.

use std::time::Duration;

use harness::http_client::HttpClient;
use harness::tools;
use serde_json::Value;
use tokio::time::timeout;

use crate::world::World;
use crate::{config, labels, limited, neighbour, sample};

#[tokio::test]
async fn one_route_is_limited_and_a_neighbour_notices_nothing() {
    limited::and_a_neighbour_notices_nothing(&before(), &with_flowguard()).await;
}

#[test]
fn nothing_but_what_is_marked_is_flowguards() {
    assert!(!before().to_string().contains("flowguard"));
    assert!(with_flowguard().to_string().contains("flowguard"));
}

#[tokio::test]
async fn the_statistics_have_their_labels() {
    let world = World::start().await;
    labels::are_on_the_page(&world.envoy("envoy", &with_flowguard()).await).await;
}

/// Scaled: half a second in the place of somebody's five minutes.
#[tokio::test]
async fn a_model_may_think_for_longer_than_the_neighbours_streams_may_be_silent() {
    let world = World::start().await;
    let mut config = with_flowguard();
    config::manager(&mut config)["stream_idle_timeout"] = "0.5s".into();
    let envoy = world.envoy("envoy", &config).await;

    let proxy = HttpClient::http1(envoy.proxy_address());
    let request = proxy.post("/silent").header("host", limited::HOST).client("a").tokens(1);
    let mut thinking = request.open().await;
    thinking.next_chunk().await.expect("a first event").expect("a piece of the body");
    for _ in 0..3 {
        let ended = neighbour::answer(&envoy, neighbour::HOST, "GET /silent HTTP/1.1\r\n").await;
        assert!(ended.contains("data: 1") && !ended.ends_with("\r\n0\r\n\r\n"), "{ended}");
    }
    let more = timeout(Duration::from_millis(1), thinking.next_chunk()).await;
    assert!(more.is_err(), "it is silent, and not ended: {more:?}");
}

#[test]
fn what_bounds_a_whole_envoy_can_be_given_beside_it() {
    let filter = tools::filter().display().to_string();
    let config = sample::file("existing-envoy.yaml").replace("/etc/envoy/filter.wasm", &filter);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("envoy.yaml");
    std::fs::write(&file, config).expect("a file can be written");
    let mut envoy = tools::envoy();
    envoy.args(["--mode", "validate", "--use-dynamic-base-id", "--log-level", "warning"]);
    envoy.arg("-c").arg(&file).args(["--config-yaml", &sample::file("for-everybody.yaml")]);
    let output = envoy.output().expect("Envoy runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("deprecated"), "{said}");
}

/// The configuration with FlowGuard's parts.
fn with_flowguard() -> Value {
    sample::document(&sample::file("existing-envoy.yaml"))
}

/// The configuration without them.
fn before() -> Value {
    let text = sample::file("existing-envoy.yaml");
    let mut added = false;
    let kept = text.lines().filter(|line| {
        let comment = line.trim_start();
        added |= comment.starts_with("# ADD");
        let keep = !added;
        added &= comment != "# END";
        keep
    });
    sample::document(&kept.collect::<Vec<_>>().join("\n"))
}
