//! Who may do what: to a node, and over the network.

use serde_json::{Value, json};

use crate::helm::{renderings, try_render};
use crate::pod::{containers, pods};

/// <https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted>, each of its
/// rules.
#[test]
fn every_pod_meets_the_restricted_standard() {
    let mut checked = 0;
    for rendered in renderings() {
        for pod in pods(&rendered.objects) {
            let spec = &pod["spec"];
            for namespace in ["hostNetwork", "hostPID", "hostIPC"] {
                assert!(spec[namespace].is_null(), "{namespace}");
            }
            let context = &spec["securityContext"];
            assert_eq!(context["runAsNonRoot"], true);
            assert_ne!(context["runAsUser"], 0);
            assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault");
            assert_eq!(spec["automountServiceAccountToken"], false);
            for volume in spec["volumes"].as_array().into_iter().flatten() {
                let kinds =
                    ["configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"];
                assert!(kinds.iter().any(|kind| !volume[kind].is_null()), "{volume}");
            }
            for container in containers(pod) {
                let expected = json!({
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": { "drop": ["ALL"] },
                });
                assert_eq!(container["securityContext"], expected, "{}", container["name"]);
                for port in container["ports"].as_array().into_iter().flatten() {
                    assert!(port["hostPort"].is_null(), "{port}");
                }
                assert!(
                    !container["resources"]["limits"]["memory"].is_null(),
                    "no bound of memory"
                );
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 8);
}

#[test]
fn the_number_of_the_user_can_be_left_to_the_cluster() {
    let [_, _, rendered, _] = renderings();
    let context =
        &rendered.one("StatefulSet", "flowguard")["spec"]["template"]["spec"]["securityContext"];
    let expected = json!({ "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } });
    assert_eq!(*context, expected);
}

/// Who a policy lets in at a port.
fn let_in<'a>(policy: &'a Value, port: &str) -> Vec<&'a Value> {
    let rules = policy["spec"]["ingress"].as_array().expect("rules");
    let here = |rule: &&Value| {
        rule["ports"].as_array().into_iter().flatten().any(|named| named["port"] == port)
    };
    rules.iter().filter(here).flat_map(|rule| rule["from"].as_array().expect("peers")).collect()
}

#[test]
fn each_port_is_open_to_those_who_are_named_for_it() {
    let [_, rendered, ..] = renderings();
    let policy = rendered.one("NetworkPolicy", "flowguard");
    assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
    assert_eq!(policy["spec"]["egress"], json!([]));
    let app = |app: &str| json!({ "podSelector": { "matchLabels": { "app": app } } });
    let envoys = json!({ "podSelector": { "matchLabels": {
        "app.kubernetes.io/name": "flowguard",
        "app.kubernetes.io/instance": "flowguard",
        "app.kubernetes.io/component": "envoy",
    } } });
    assert_eq!(let_in(policy, "grpc-decisions"), [&app("gateway"), &envoys]);
    assert_eq!(let_in(policy, "http-config"), [&app("console")]);
    assert_eq!(let_in(policy, "grpc-config"), [&app("console")]);
    assert_eq!(let_in(policy, "metrics"), [&app("prometheus")]);
    let policy = rendered.one("NetworkPolicy", "flowguard-envoy");
    assert_eq!(let_in(policy, "http-proxy"), [&app("applications")]);
    assert_eq!(let_in(policy, "stats"), [&app("prometheus")]);
}

#[test]
fn the_apis_and_the_metrics_are_closed_to_all_where_nobody_is_named() {
    let [rendered, ..] = renderings();
    let policy = rendered.one("NetworkPolicy", "flowguard");
    let rules = policy["spec"]["ingress"].as_array().expect("rules");
    assert_eq!(rules.len(), 1, "{policy}");
    assert_eq!(let_in(policy, "grpc-decisions").len(), 1);
}

#[test]
fn a_policy_that_would_let_nobody_ask_is_refused() {
    let refusal = try_render(&json!({ "image": { "repository": "flowguard" } }));
    let refusal = refusal.expect_err("nobody is named");
    assert!(refusal.contains("networkPolicy.decisionsFrom is empty"), "{refusal}");
}
