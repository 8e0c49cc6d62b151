//! Places in a configuration of Envoy's.

use std::net::SocketAddr;

use harness::envoy::EnvoyPorts;
use harness::tools;
use serde_json::{Value, json};

/// The HTTP connection manager of the one listener.
pub(crate) fn manager(config: &mut Value) -> &mut Value {
    &mut config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
}

/// The HTTP filters.
pub(crate) fn http_filters(config: &mut Value) -> &mut Vec<Value> {
    manager(config)["http_filters"].as_array_mut().expect("HTTP filters")
}

/// The virtual hosts.
pub(crate) fn virtual_hosts(config: &mut Value) -> &mut Vec<Value> {
    manager(config)["route_config"]["virtual_hosts"].as_array_mut().expect("virtual hosts")
}

/// The clusters.
pub(crate) fn clusters(config: &mut Value) -> &mut Vec<Value> {
    config["static_resources"]["clusters"].as_array_mut().expect("clusters")
}

/// The configuration with the parts of this machine in the places of the sample's: Envoy's ports,
/// the filter, the control plane, and one upstream for all.
pub(crate) fn on_this_machine(
    config: &Value,
    ports: EnvoyPorts,
    control_plane: SocketAddr,
    upstream: SocketAddr,
) -> Value {
    let filter = tools::filter().display().to_string();
    // A busy machine is slower than anybody's own.
    let text = config
        .to_string()
        .replace("/etc/envoy/filter.wasm", &filter)
        .replace(r#"\"decision_timeout_ms\": 250"#, r#"\"decision_timeout_ms\": 5000"#)
        .replace(r#"\"decision_timeout_ms\":250"#, r#"\"decision_timeout_ms\":5000"#);
    let mut config: Value = serde_json::from_str(&text).expect("still JSON");
    config["admin"]["address"]["socket_address"]["port_value"] = ports.admin.into();
    let listener = &mut config["static_resources"]["listeners"][0];
    listener["address"]["socket_address"]["port_value"] = ports.proxy.into();
    for cluster in clusters(&mut config) {
        let decides = cluster["name"].as_str().is_some_and(|name| name.contains("flowguard"));
        let address = if decides { control_plane } else { upstream };
        let endpoint = &mut cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0];
        endpoint["endpoint"]["address"]["socket_address"] =
            json!({"address": address.ip(), "port_value": address.port()});
    }
    config
}

/// The configuration in which the filter refuses, which every sample begins without.
pub(crate) fn enforcing(config: &Value) -> Value {
    let text = config.to_string();
    let enforcing = text
        .replace(r#"\"mode\": \"shadow\""#, r#"\"mode\": \"enforce\""#)
        .replace(r#"\"mode\":\"shadow\""#, r#"\"mode\":\"enforce\""#);
    assert_ne!(text, enforcing, "it does not begin in shadow");
    serde_json::from_str(&enforcing).expect("still JSON")
}
