//! `istio.yaml`, an `EnvoyFilter` for a gateway that is shared; `istio-wasmplugin.yaml` and
//! `istio-trafficextension.yaml`, for a gateway of FlowGuard's own.

use harness::envoy::Envoy;
use harness::http_client::HttpClient;
use repository::json::text;
use serde_json::{Value, json};

use crate::istiod::{apply, configure_proxy, extend, translated};
use crate::sample::{base, document, documents, file, of_kind};
use crate::world::World;
use crate::{config, labels, limited, neighbour};

#[tokio::test]
async fn one_host_is_limited_and_a_neighbour_notices_nothing() {
    println!("not run here: istiod; its patches are applied by the test");
    let before = gateway_that_shows_statistics();
    let mut with_flowguard = before.clone();
    apply(&mut with_flowguard, &document(&file("istio.yaml")));
    limited::and_a_neighbour_notices_nothing(&before, &with_flowguard).await;
}

#[test]
fn nothing_of_the_gateway_changes_but_a_filter_that_is_disabled() {
    let mut before = gateway_that_shows_statistics();
    let mut after = before.clone();
    apply(&mut after, &document(&file("istio.yaml")));

    let filter = config::http_filters(&mut after).remove(3);
    assert_eq!((&filter["name"], &filter["disabled"]), (&json!("flowguard"), &json!(true)));
    // What is FlowGuard's own: the limited host and the decisions' cluster.
    for gateway in [&mut before, &mut after] {
        config::virtual_hosts(gateway).remove(0);
        config::clusters(gateway).remove(2);
    }
    assert_eq!(after, before);
}

#[tokio::test]
async fn prometheus_gives_the_statistics_their_labels() {
    let world = World::start().await;
    let mut gateway = gateway_that_shows_statistics();
    apply(&mut gateway, &document(&file("istio.yaml")));
    let envoy = world.envoy("gateway", &config::enforcing(&gateway)).await;
    limited::enforce_limits(&world, &envoy).await;
    labels::are_made_by_prometheus(&world, &envoy).await;
}

#[tokio::test]
async fn a_gateway_of_its_own_is_limited_by_a_wasm_plugin() {
    println!("not run here: istiod and its agent, which fetches the filter's image");
    let plugin = of_kind(&documents(&file("istio-wasmplugin.yaml")), "WasmPlugin");
    a_gateway_of_its_own_is_limited_by(&translated(&plugin)).await;
}

#[tokio::test]
async fn a_gateway_of_its_own_is_limited_by_a_traffic_extension() {
    println!("not run here: istiod and its agent, which fetches the filter's image");
    a_gateway_of_its_own_is_limited_by(&document(&file("istio-trafficextension.yaml"))).await;
}

/// Why the plugin's gateway is its own.
#[tokio::test]
async fn a_wasm_plugin_in_a_shared_gateway_would_refuse_the_neighbours() {
    let world = World::start().await;
    let mut extension = document(&file("istio-trafficextension.yaml"));
    extension["spec"]["wasm"]["pluginConfig"]["mode"] = "enforce".into();
    let mut shared = gateway_that_shows_statistics();
    extend(&mut shared, &extension, world.folder.path());
    let envoy = world.envoy("shared", &shared).await;
    let proxy = HttpClient::http1(envoy.proxy_address());
    assert_eq!(proxy.get("/").header("host", neighbour::HOST).send().await.status, 400);
}

#[test]
fn plugin_and_extension_are_told_the_same() {
    let plugin = of_kind(&documents(&file("istio-wasmplugin.yaml")), "WasmPlugin");
    let extension = document(&file("istio-trafficextension.yaml"));
    assert_eq!(translated(&plugin)["spec"], extension["spec"]);
}

async fn a_gateway_of_its_own_is_limited_by(extension: &Value) {
    let world = World::start().await;
    limited::shadow_only_counts(&world, &own_gateway(&world, extension, "shadow").await).await;
    limited::enforce_limits(&world, &own_gateway(&world, extension, "enforce").await).await;
}

/// The gateway of `istio-wasmplugin.yaml`, with the plugin or what takes its place in some mode.
async fn own_gateway(world: &World, extension: &Value, mode: &str) -> Envoy {
    let mut extension = extension.clone();
    let plugin_config = &mut extension["spec"]["wasm"]["pluginConfig"];
    assert_eq!(plugin_config["mode"], "shadow", "every sample begins so");
    plugin_config["mode"] = mode.into();
    // A busy machine is slower than anybody's own.
    plugin_config["decision_timeout_ms"] = 5000.into();

    let resources = documents(&file("istio-wasmplugin.yaml"));
    let mut gateway = base("istio-gateway.yaml");
    config::virtual_hosts(&mut gateway).retain(|host| host["domains"] == json!([limited::HOST]));
    let annotations = &of_kind(&resources, "Gateway")["spec"]["infrastructure"]["annotations"];
    configure_proxy(&mut gateway, text(&annotations["proxy.istio.io/config"]));
    extend(&mut gateway, &extension, world.folder.path());
    apply(&mut gateway, &of_kind(&resources, "EnvoyFilter"));
    world.envoy(mode, &gateway).await
}

/// The gateway before FlowGuard, with the annotation that a comment of `istio.yaml` asks for.
fn gateway_that_shows_statistics() -> Value {
    let sample = file("istio.yaml");
    let (_, rest) = sample.split_once("proxy.istio.io/config: |\n").expect("the annotation");
    let lines = rest.lines().map_while(|line| line.strip_prefix("#         "));
    let mut gateway = base("istio-gateway.yaml");
    configure_proxy(&mut gateway, &lines.collect::<Vec<_>>().join("\n"));
    gateway
}
