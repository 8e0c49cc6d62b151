//! TLS on the control plane's ports, with certificates from Secrets.

use serde_json::{Value, json};

use crate::helm::{everything, render, sharing, try_render};
use crate::pod::environment;

/// A chart's Envoy and control planes that know each other by certificates.
fn mutual() -> Value {
    let mut values = sharing();
    values["tls"] = json!({
        "secret": "flowguard-tls",
        "ca": { "secret": "flowguard-ca" },
        "clientCa": { "secret": "envoys-ca", "key": "tls.crt" },
        "envoySecret": "envoy-tls",
    });
    values["podMonitor"] = json!({ "enabled": true });
    values
}

fn items(pod: &Value) -> Vec<String> {
    let volumes = pod["volumes"].as_array().expect("volumes");
    let tls = volumes.iter().find(|volume| volume["name"] == "tls").expect("a volume of TLS");
    let sources = tls["projected"]["sources"].as_array().expect("Secrets");
    let item = |source: &Value| {
        let secret = &source["secret"];
        let items = secret["items"].as_array().expect("items").iter();
        let items: Vec<_> = items.map(|item| format!("{}={}", item["path"], item["key"])).collect();
        format!("{}: {}", secret["name"], items.join(" ")).replace('"', "")
    };
    sources.iter().map(item).collect()
}

#[test]
fn the_certificates_are_files_of_secrets_that_both_sides_follow() {
    let rendered = render(&mutual());
    let pod = &rendered.one("Deployment", "flowguard")["spec"]["template"]["spec"];
    let control_plane = &pod["containers"][0];
    let settings = environment(control_plane);
    assert_eq!(settings["TLS_CERT_FILE"], "/etc/flowguard-tls/tls.crt");
    assert_eq!(settings["TLS_KEY_FILE"], "/etc/flowguard-tls/tls.key");
    assert_eq!(settings["TLS_CLIENT_CA_FILE"], "/etc/flowguard-tls/client-ca.crt");
    assert_eq!(
        items(pod),
        ["flowguard-tls: tls.crt=tls.crt tls.key=tls.key", "envoys-ca: client-ca.crt=tls.crt"]
    );

    let pod = &rendered.one("Deployment", "flowguard-envoy")["spec"]["template"]["spec"];
    let settings = environment(&pod["initContainers"][0]);
    assert_eq!(settings["CONTROL_PLANE_CA_FILE"], "/etc/flowguard-tls/ca.crt");
    assert_eq!(settings["ENVOY_CERT_FILE"], "/etc/flowguard-tls/tls.crt");
    assert_eq!(settings["ENVOY_KEY_FILE"], "/etc/flowguard-tls/tls.key");
    assert_eq!(
        items(pod),
        ["flowguard-ca: ca.crt=ca.crt", "envoy-tls: tls.crt=tls.crt tls.key=tls.key"]
    );
    let mounts = pod["containers"][0]["volumeMounts"].to_string();
    assert!(mounts.contains("/etc/flowguard-tls"), "{mounts}");

    let endpoint = &rendered.one("PodMonitor", "flowguard")["spec"]["podMetricsEndpoints"][0];
    assert_eq!(endpoint["scheme"], "https");
    assert_eq!(endpoint["tlsConfig"]["ca"]["secret"]["name"], "flowguard-ca");
    assert_eq!(endpoint["tlsConfig"]["serverName"], "flowguard-decisions.limits.svc.cluster.local");
}

#[test]
fn probes_have_a_port_without_tls_where_the_others_have_it() {
    for (values, port) in [(mutual(), "health"), (sharing(), "http-config")] {
        let rendered = render(&values);
        let pod = &rendered.one("Deployment", "flowguard")["spec"]["template"]["spec"];
        for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
            assert_eq!(pod["containers"][0][probe]["httpGet"]["port"], port);
        }
    }
}

#[test]
fn secrets_without_which_nothing_could_connect_are_refused() {
    for (change, missing) in [
        (json!({ "ca": { "secret": "a" } }), "tls.secret is empty"),
        (json!({ "secret": "a" }), "tls.ca.secret is empty"),
        (
            json!({ "secret": "a", "ca": { "secret": "b" }, "clientCa": { "secret": "c" } }),
            "tls.envoySecret is empty",
        ),
    ] {
        let mut values = everything();
        values["tls"] = change;
        let refusal = try_render(&values).expect_err(missing);
        assert!(refusal.contains(missing), "{refusal}");
    }
}
