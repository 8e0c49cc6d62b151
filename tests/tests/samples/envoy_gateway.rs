//! `envoy-gateway.yaml`: what Envoy Gateway makes of its resources, beside a neighbour's route.

use repository::json::{array, text};
use serde_json::{Value, json};

use crate::merge::merge;
use crate::sample::{base, document, documents, file, of_kind};
use crate::world::World;
use crate::{config, labels, limited};

#[tokio::test]
async fn one_route_is_limited_and_a_neighbour_notices_nothing() {
    println!("not run here: Envoy Gateway, which also fetches the filter's image");
    let before = gateway(&resources(), Until::Routes);
    let with_flowguard = gateway(&resources(), Until::Policies);
    limited::and_a_neighbour_notices_nothing(&before, &with_flowguard).await;
}

#[tokio::test]
async fn the_statistics_have_their_labels() {
    let world = World::start().await;
    let envoy = world.envoy("gateway", &gateway(&resources(), Until::Policies)).await;
    labels::are_on_the_page(&envoy).await;
}

#[test]
fn nothing_of_the_gateway_changes_but_a_filter_that_is_disabled() {
    let mut before = gateway(&resources(), Until::Routes);
    let mut after = gateway(&resources(), Until::Policies);
    assert_eq!(config::http_filters(&mut after).remove(0)["disabled"], true);
    // What is FlowGuard's own: labels, the decisions' cluster, the limited route and its cluster.
    after["stats_config"]["stats_tags"].as_array_mut().expect("rules").truncate(4);
    config::clusters(&mut after).retain(|cluster| cluster["name"] != "flowguard_decisions");
    for gateway in [&mut before, &mut after] {
        assert_eq!(config::virtual_hosts(gateway).remove(1)["domains"], json!([limited::HOST]));
        config::clusters(gateway).retain(|cluster| cluster["name"] != cluster_of("llm"));
    }
    assert_eq!(after, before);
}

fn resources() -> Vec<Value> {
    documents(&file("envoy-gateway.yaml"))
}

/// How much of the sample has been applied.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// Gateway and routes, which somebody had before.
    Routes,
    /// All of it.
    Policies,
}

/// The configuration that Envoy Gateway makes of the sample and of a neighbour's route.
fn gateway(resources: &[Value], until: Until) -> Value {
    let mut gateway = base("envoy-gateway.yaml");
    let mut host = json!({
        "name": "default/your-gateway/http/llm_example_com",
        "domains": [limited::HOST],
        "routes": [],
    });
    let mut routes: Vec<_> =
        resources.iter().filter(|resource| resource["kind"] == "HTTPRoute").collect();
    // The most specific path first.
    routes.sort_by_key(|route| path(route)["type"] != "Exact");
    for route in routes {
        assert_eq!(route["spec"]["hostnames"], json!([limited::HOST]));
        let name = text(&route["metadata"]["name"]);
        merge(&mut host["routes"], &json!([xds_route(name, path(route))]));
        config::clusters(&mut gateway).push(cluster(&cluster_of(name)));
    }
    config::virtual_hosts(&mut gateway).push(host);
    if until == Until::Policies {
        let bootstrap = &of_kind(resources, "EnvoyProxy")["spec"]["bootstrap"];
        assert_eq!(bootstrap["type"], "Merge", "another way is not simulated");
        merge(&mut gateway, &document(text(&bootstrap["value"])));
        extend(&mut gateway, &of_kind(resources, "EnvoyExtensionPolicy"));
        time_out(&mut gateway, &of_kind(resources, "BackendTrafficPolicy"));
    }
    gateway
}

fn path(route: &Value) -> &Value {
    &route["spec"]["rules"][0]["matches"][0]["path"]
}

fn xds_route(name: &str, path: &Value) -> Value {
    let matched = match text(&path["type"]) {
        "Exact" => json!({"path": path["value"]}),
        "PathPrefix" => json!({"prefix": path["value"]}),
        other => panic!("a path of type {other} is not simulated"),
    };
    json!({
        "name": format!("httproute/default/{name}/rule/0/match/0/llm_example_com"),
        "match": matched,
        "route": {"cluster": cluster_of(name), "upgrade_configs": [{"upgrade_type": "websocket"}]},
    })
}

fn cluster_of(route: &str) -> String {
    format!("httproute/default/{route}/rule/0")
}

fn cluster(name: &str) -> Value {
    let address = json!({"socket_address": {"address": "127.0.0.1", "port_value": 8000}});
    let endpoint = json!({"endpoint": {"address": address}});
    json!({
        "name": name,
        "connect_timeout": "10s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    })
}

/// An `EnvoyExtensionPolicy`: the filter is in the chain, disabled, and enabled on the routes that
/// are named. Envoy Gateway serves the image that it has fetched; here it is a file.
fn extend(gateway: &mut Value, policy: &Value) {
    let [wasm] = array(&policy["spec"]["wasm"]) else { panic!("not one filter: {policy}") };
    let id = format!("envoyextensionpolicy/default/{}/wasm/0", text(&policy["metadata"]["name"]));
    let filter = format!("envoy.filters.http.wasm/{id}");
    // As written in the samples: the test finds its values by it.
    let configuration = wasm["config"].to_string();
    let mut plugin = json!({
        "name": wasm["name"],
        "vm_config": {
            "vm_id": id,
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": "/etc/envoy/filter.wasm"}},
        },
        "configuration": {
            "@type": "type.googleapis.com/google.protobuf.StringValue",
            "value": configuration,
        },
    });
    if wasm["failOpen"] == true {
        plugin["fail_open"] = true.into();
    }
    config::http_filters(gateway).insert(
        0,
        json!({
            "name": filter,
            "disabled": true,
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "config": plugin,
            },
        }),
    );
    for route in targets(gateway, policy) {
        let enabled = json!({
            "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig",
            "config": {},
        });
        route["typed_per_filter_config"] = json!({ filter.as_str(): enabled });
    }
}

/// A `BackendTrafficPolicy`: timeouts of the routes that are named, and bounds of their clusters.
fn time_out(gateway: &mut Value, policy: &Value) {
    let timeouts = &policy["spec"]["timeout"]["http"];
    for route in targets(gateway, policy) {
        route["route"]["timeout"] = timeouts["requestTimeout"].clone();
        route["route"]["idle_timeout"] = timeouts["streamIdleTimeout"].clone();
    }
    let bounds = &policy["spec"]["circuitBreaker"];
    let [target] = array(&policy["spec"]["targetRefs"]) else { panic!("not one target: {policy}") };
    let name = cluster_of(text(&target["name"]));
    let cluster = config::clusters(gateway).iter_mut().find(|there| there["name"] == name.as_str());
    cluster.expect("the route's cluster")["circuit_breakers"] = json!({"thresholds": [{
        "max_connections": bounds["maxConnections"],
        "max_pending_requests": bounds["maxPendingRequests"],
        "max_requests": bounds["maxParallelRequests"],
    }]});
}

/// The routes that a policy names, all of the limited host.
fn targets<'a>(gateway: &'a mut Value, policy: &'a Value) -> impl Iterator<Item = &'a mut Value> {
    let named: Vec<_> = array(&policy["spec"]["targetRefs"])
        .iter()
        .map(|target| {
            assert_eq!(target["kind"], "HTTPRoute");
            format!("httproute/default/{}/", text(&target["name"]))
        })
        .collect();
    let host = config::virtual_hosts(gateway)
        .iter_mut()
        .find(|host| host["domains"] == json!([limited::HOST]));
    let routes = host.expect("the limited host")["routes"].as_array_mut().expect("routes");
    routes.iter_mut().filter(move |route| {
        named.iter().any(|name| route["name"].as_str().is_some_and(|route| route.starts_with(name)))
    })
}
