//! What istiod and Istio's agent make of resources, as far as the samples use them.

use std::path::Path;

use harness::tools;
use repository::json::{array, text};
use serde_json::{Value, json};

use crate::config;
use crate::merge::merge;
use crate::sample::document;

/// Applies an `EnvoyFilter` to a gateway. Each of its patches finds what it is for.
pub(crate) fn apply(gateway: &mut Value, filter: &Value) {
    for patch in array(&filter["spec"]["configPatches"]) {
        assert_eq!(patch["match"]["context"], "GATEWAY");
        let applied = match (text(&patch["applyTo"]), text(&patch["patch"]["operation"])) {
            ("HTTP_FILTER", "INSERT_BEFORE") => insert_before(gateway, patch),
            ("NETWORK_FILTER", "MERGE") => merge_manager(gateway, patch),
            ("VIRTUAL_HOST", "MERGE") => merge_all(virtual_hosts(gateway, patch), patch),
            ("HTTP_ROUTE", "MERGE") => merge_all(routes(gateway, patch), patch),
            ("CLUSTER", "MERGE") => merge_all(clusters(gateway, patch), patch),
            other => panic!("istiod's {other:?} is not simulated"),
        };
        assert_eq!(applied, 1, "{patch}");
    }
}

/// The annotation `proxy.istio.io/config`, which Istio's agent writes into the bootstrap.
pub(crate) fn configure_proxy(gateway: &mut Value, annotation: &str) {
    let annotation = document(annotation);
    for (name, value) in annotation.as_object().expect("fields of a ProxyConfig") {
        match name.as_str() {
            "proxyStatsMatcher" => {
                let prefixes = array(&value["inclusionPrefixes"]);
                let shown: Vec<_> =
                    prefixes.iter().map(|prefix| json!({"prefix": prefix})).collect();
                let more = json!({"stats_matcher": {"inclusion_list": {"patterns": shown}}});
                merge(&mut gateway["stats_config"], &more);
            }
            "runtimeValues" => {
                let layer = json!({"name": "global config", "static_layer": value});
                merge(gateway, &json!({"layered_runtime": {"layers": [layer]}}));
            }
            other => panic!("the agent's {other:?} is not simulated"),
        }
    }
}

/// A `TrafficExtension`, or the one that istiod makes of a `WasmPlugin`: the filter stands first and
/// is discovered in a file. The agent has fetched its image, and keeps the environment to itself.
pub(crate) fn extend(gateway: &mut Value, extension: &Value, folder: &Path) {
    let (metadata, spec) = (&extension["metadata"], &extension["spec"]);
    assert_eq!(spec["phase"], "STATS", "another place is not simulated");
    assert_eq!(spec["match"], json!([{"mode": "CLIENT", "ports": [{"number": 80}]}]));
    let wasm = &spec["wasm"];
    assert!(text(&wasm["url"]).starts_with("oci://"));
    let name = format!("{}.{}", text(&metadata["namespace"]), text(&metadata["name"]));
    let resource = format!("extensions.istio.io/trafficextension/{name}");
    let file = folder.join("extension.json");
    let discovered = json!({"resources": [{
        "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        "name": resource,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": name,
                "root_id": wasm["pluginName"],
                "failure_policy": wasm["failStrategy"],
                "vm_config": {
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": tools::filter()}},
                },
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": wasm["pluginConfig"].to_string(),
                },
            },
        },
    }]});
    std::fs::write(&file, discovered.to_string()).expect("a file can be written");
    let filter = json!({
        "name": resource,
        "config_discovery": {
            "config_source": {"resource_api_version": "V3", "path_config_source": {"path": file}},
            "type_urls": [
                "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            ],
        },
    });
    config::http_filters(gateway).insert(0, filter);
}

/// istiod turns a `WasmPlugin` into a `TrafficExtension` of the same fields.
pub(crate) fn translated(plugin: &Value) -> Value {
    let mut wasm = plugin["spec"].as_object().expect("a spec").clone();
    let mut spec = json!({});
    for shared in ["targetRefs", "phase", "match"] {
        spec[shared] = wasm.remove(shared).unwrap_or_else(|| panic!("no {shared}"));
    }
    spec["wasm"] = wasm.into();
    json!({"metadata": plugin["metadata"], "spec": spec})
}

fn insert_before(gateway: &mut Value, patch: &Value) -> usize {
    let filter = &patch["match"]["listener"]["filterChain"]["filter"];
    assert_eq!(filter["name"], "envoy.filters.network.http_connection_manager");
    let filters = config::http_filters(gateway);
    let place = filters.iter().position(|there| there["name"] == filter["subFilter"]["name"]);
    filters.insert(place.expect("the filter to stand before"), patch["patch"]["value"].clone());
    1
}

fn merge_manager(gateway: &mut Value, patch: &Value) -> usize {
    let manager = config::manager(gateway);
    let value = &patch["patch"]["value"]["typed_config"];
    assert_eq!(manager["@type"], value["@type"]);
    merge(manager, value);
    1
}

fn merge_all<'a>(found: impl Iterator<Item = &'a mut Value>, patch: &Value) -> usize {
    found.map(|there| merge(there, &patch["patch"]["value"])).count()
}

fn virtual_hosts<'a>(
    gateway: &'a mut Value,
    patch: &'a Value,
) -> impl Iterator<Item = &'a mut Value> {
    let name = text(&patch["match"]["routeConfiguration"]["vhost"]["name"]);
    config::virtual_hosts(gateway).iter_mut().filter(move |host| host["name"] == name)
}

fn routes<'a>(gateway: &'a mut Value, patch: &'a Value) -> impl Iterator<Item = &'a mut Value> {
    assert_eq!(patch["match"]["routeConfiguration"]["vhost"]["route"], json!({"action": "ROUTE"}));
    virtual_hosts(gateway, patch)
        .flat_map(|host| host["routes"].as_array_mut().expect("routes"))
        .filter(|route| route.get("route").is_some())
}

fn clusters<'a>(gateway: &'a mut Value, patch: &'a Value) -> impl Iterator<Item = &'a mut Value> {
    let cluster = &patch["match"]["cluster"];
    let name = format!("outbound|{}||{}", cluster["portNumber"], text(&cluster["service"]));
    config::clusters(gateway).iter_mut().filter(move |there| there["name"] == name.as_str())
}
