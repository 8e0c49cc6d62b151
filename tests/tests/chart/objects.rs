//! The objects that the chart makes.

use std::collections::BTreeSet;

use repository::chart::call;
use repository::read;
use serde_json::{Value, json};

use crate::helm::{chart, everything, least, renderings, sharing, without_a_volume};
use crate::pod::{containers, pods, selects};

/// The fields that the chart may use of objects whose schemas no package has: of the Prometheus
/// Operator's custom resource definitions, version 0.86 (October 2025).
const FIELDS: [(&str, &[&str]); 2] = [
    (
        "PodMonitor",
        &[
            "selector",
            "selector.matchLabels",
            "podMetricsEndpoints",
            "podMetricsEndpoints.authorization",
            "podMetricsEndpoints.authorization.credentials",
            "podMetricsEndpoints.authorization.credentials.key",
            "podMetricsEndpoints.authorization.credentials.name",
            "podMetricsEndpoints.port",
            "podMetricsEndpoints.path",
            "podMetricsEndpoints.interval",
            "podMetricsEndpoints.relabelings",
            "podMetricsEndpoints.relabelings.targetLabel",
            "podMetricsEndpoints.relabelings.replacement",
            "podMetricsEndpoints.metricRelabelings",
            "podMetricsEndpoints.metricRelabelings.sourceLabels",
            "podMetricsEndpoints.metricRelabelings.regex",
            "podMetricsEndpoints.metricRelabelings.action",
        ],
    ),
    (
        "PrometheusRule",
        &[
            "groups",
            "groups.name",
            "groups.rules",
            "groups.rules.alert",
            "groups.rules.record",
            "groups.rules.expr",
            "groups.rules.for",
            "groups.rules.keep_firing_for",
            "groups.rules.labels",
            "groups.rules.annotations",
        ],
    ),
];

#[test]
fn helm_has_nothing_to_say_against_the_chart() {
    let chart = chart();
    let chart = chart.to_str().expect("a path in UTF-8");
    for values in [json!({}), least(), everything(), without_a_volume(), sharing()] {
        let report = call(&["lint", chart], &values).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(report["errors"], json!([]), "{values}");
        let remarks = report["messages"].as_array().expect("a list of remarks");
        let remarks: Vec<_> = remarks.iter().map(|remark| &remark["error"]).collect();
        assert_eq!(remarks, ["icon is recommended"], "{values}");
    }
}

#[test]
fn every_object_is_one_that_kubernetes_takes() {
    for rendered in renderings() {
        for (object, objections) in rendered.objects.iter().zip(&rendered.objections) {
            let kind = object["kind"].as_str().expect("a kind");
            if FIELDS.iter().any(|(known, _)| *known == kind) {
                assert_eq!(*objections, json!(["unknown kind"]), "{kind} has a schema now");
            } else {
                assert_eq!(*objections, json!([]), "{object:#}");
            }
        }
    }
}

#[test]
fn objects_of_the_prometheus_operator_have_fields_that_it_knows() {
    let [_, rendered, ..] = renderings();
    for (kind, known) in FIELDS {
        let objects = rendered.all(kind);
        assert!(!objects.is_empty(), "no {kind}");
        for object in objects {
            assert_eq!(object["apiVersion"], "monitoring.coreos.com/v1");
            let mut used = BTreeSet::new();
            fields(&object["spec"], "", &mut used);
            let unknown: Vec<_> = used
                .iter()
                .filter(|field| !known.contains(&field.as_str()))
                .filter(|field| {
                    !["matchLabels.", "labels.", "annotations."]
                        .iter()
                        .any(|map| field.contains(map))
                })
                .collect();
            assert!(unknown.is_empty(), "{kind}: {unknown:?}");
        }
    }
}

/// The paths of all fields; those of a list's elements are one path.
fn fields(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    for element in value.as_array().into_iter().flatten() {
        fields(element, path, found);
    }
    for (name, below) in value.as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        fields(below, &path, found);
        found.insert(path);
    }
}

#[test]
fn the_rules_are_those_that_promtool_tests() {
    let [_, rendered, ..] = renderings();
    let rules = rendered.one("PrometheusRule", "flowguard");
    let groups = rules["spec"]["groups"].as_array().expect("groups of rules");
    let mut expected = Vec::new();
    for file in ["alerts.yml", "recording.yml"] {
        let rules: Value = serde_saphyr::from_str(&read(&format!("prometheus/rules/{file}")))
            .unwrap_or_else(|error| panic!("{error}"));
        expected.extend(rules["groups"].as_array().expect("groups of rules").clone());
    }
    assert_eq!(*groups, expected);
}

/// A Service, a policy, a budget or a monitor that selects nothing is no error to Kubernetes.
#[test]
fn what_selects_pods_selects_some_and_names_ports_that_they_have() {
    for rendered in renderings() {
        let pods = pods(&rendered.objects);
        let mut checked = 0;
        for object in &rendered.objects {
            let spec = &object["spec"];
            let selector = match object["kind"].as_str() {
                Some("Service") => &spec["selector"],
                Some("NetworkPolicy") => &spec["podSelector"]["matchLabels"],
                Some("PodDisruptionBudget" | "PodMonitor" | "StatefulSet" | "Deployment") => {
                    &spec["selector"]["matchLabels"]
                }
                _ => continue,
            };
            let mut selected =
                pods.iter().filter(|pod| selects(selector, &pod["metadata"]["labels"]));
            let (Some(pod), None) = (selected.next(), selected.next()) else {
                panic!("it selects not exactly one workload's pods: {object:#}")
            };
            let has_port = |port: &Value| {
                let ports = containers(pod);
                let mut ports =
                    ports.iter().flat_map(|one| one["ports"].as_array().into_iter().flatten());
                ports.any(|known| known["name"] == *port)
            };
            let services = spec["ports"].as_array().into_iter().flatten();
            let policies = spec["ingress"].as_array().into_iter().flatten();
            let policies = policies.flat_map(|rule| rule["ports"].as_array().into_iter().flatten());
            let monitors = spec["podMetricsEndpoints"].as_array().into_iter().flatten();
            let named = services.map(|port| &port["targetPort"]);
            let named = named.chain(policies.chain(monitors).map(|port| &port["port"]));
            for port in named {
                assert!(has_port(port), "no port {port}: {object:#}");
            }
            checked += 1;
        }
        assert!(checked >= 3, "{checked} objects");
    }
}

#[test]
fn every_file_that_a_pod_mounts_is_there_and_every_probe_has_its_port() {
    for rendered in renderings() {
        for pod in pods(&rendered.objects) {
            let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
            let claims = rendered.all("StatefulSet").into_iter();
            let claims = claims.filter_map(|set| set["spec"]["volumeClaimTemplates"].as_array());
            let claims = claims.flatten().map(|claim| &claim["metadata"]["name"]);
            let volumes: BTreeSet<_> =
                volumes.map(|volume| &volume["name"]).chain(claims).map(Value::to_string).collect();
            for container in containers(pod) {
                for mount in container["volumeMounts"].as_array().into_iter().flatten() {
                    assert!(volumes.contains(&mount["name"].to_string()), "{mount}");
                }
                for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
                    let probe = &container[probe];
                    for port in [&probe["httpGet"]["port"], &probe["tcpSocket"]["port"]] {
                        let mut ports = container["ports"].as_array().into_iter().flatten();
                        let is_there = ports.any(|known| known["name"] == *port);
                        assert!(port.is_null() || is_there, "no port {port}");
                    }
                }
            }
        }
    }
}
