//! Control planes that share a store: any number of them, none of which has a volume.

use serde_json::{Value, json};

use crate::helm::{render, renderings, sharing};
use crate::pod::{containers, environment};

/// Where Envoys ask all of them: each by its own address, and one that is ready by the Service's.
const ALL: &str = "flowguard-control-planes.limits.svc.cluster.local:9095,\
                   flowguard-decisions.limits.svc.cluster.local:9095";

fn shared() -> &'static crate::helm::Rendered {
    let [_, _, _, shared] = renderings();
    shared
}

#[test]
fn they_are_replaced_one_after_the_other_and_nothing_of_them_stays() {
    let deployment = shared().one("Deployment", "flowguard");
    let spec = &deployment["spec"];
    assert_eq!(spec["replicas"], json!(3));
    assert_eq!(spec["strategy"]["rollingUpdate"], json!({ "maxUnavailable": 0, "maxSurge": 1 }));
    assert!(shared().all("StatefulSet").is_empty());
    let volumes = spec["template"]["spec"]["volumes"].to_string();
    assert!(!volumes.contains("persistentVolumeClaim"), "{volumes}");
    let budget = shared().one("PodDisruptionBudget", "flowguard");
    assert_eq!(budget["spec"]["maxUnavailable"], json!(1));

    let spread = spec["template"]["spec"]["topologySpreadConstraints"].as_array().expect("one");
    assert_eq!(spread.len(), 1);
    assert_eq!(spread[0]["topologyKey"], "kubernetes.io/hostname");
    assert_eq!(spread[0]["labelSelector"]["matchLabels"], spec["selector"]["matchLabels"]);
    let mut values = sharing();
    let own =
        json!([{ "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway" }]);
    values["topologySpreadConstraints"] = own.clone();
    let rendered = render(&values);
    let pod = &rendered.one("Deployment", "flowguard")["spec"]["template"]["spec"];
    assert_eq!(pod["topologySpreadConstraints"], own);
}

#[test]
fn envoys_ask_all_of_them_by_a_name_that_has_the_address_of_each() {
    let service = shared().one("Service", "flowguard-control-planes");
    assert_eq!(service["spec"]["clusterIP"], "None");
    assert_eq!(service["spec"]["publishNotReadyAddresses"], json!(true));
    assert_eq!(service["spec"]["ports"][0]["port"], json!(9095));
    let envoy = shared().one("Deployment", "flowguard-envoy");
    let config = &envoy["spec"]["template"]["spec"]["initContainers"][0];
    assert_eq!(environment(config)["CONTROL_PLANES"], ALL);

    let mut values = sharing();
    values["settings"]["CONTROL_PLANES"] = json!("a.example:9095,b.example:9095");
    let rendered = render(&values);
    let envoy = rendered.one("Deployment", "flowguard-envoy");
    let config = &envoy["spec"]["template"]["spec"]["initContainers"][0];
    assert_eq!(environment(config)["CONTROL_PLANES"], "a.example:9095,b.example:9095");
    let [_, alone, ..] = renderings();
    let envoy = alone.one("Deployment", "flowguard-envoy");
    let config = &envoy["spec"]["template"]["spec"]["initContainers"][0];
    assert!(!environment(config).contains_key("CONTROL_PLANES"));
}

#[test]
fn the_password_and_the_certificates_are_files_of_secrets() {
    let pod = &shared().one("Deployment", "flowguard")["spec"]["template"]["spec"];
    let environment = environment(&pod["containers"][0]);
    for (setting, file) in [("STORE_PASSWORD_FILE", "password"), ("STORE_CA_FILE", "ca")] {
        assert_eq!(environment[setting], format!("/etc/flowguard-store/{file}"));
    }
    assert_eq!(environment["STORE_URL"], "rediss://redis.stores.svc:6379");
    assert!(!environment.contains_key("DATA_DIR"));
    let volumes = pod["volumes"].as_array().expect("volumes");
    let store = volumes.iter().find(|volume| volume["name"] == "store").expect("the store's files");
    let sources = store["projected"]["sources"].as_array().expect("Secrets");
    let items: Vec<_> = sources.iter().map(|source| &source["secret"]).collect();
    let item = |name: &str, key: &str, path: &str| json!({ "name": name, "items": [{ "key": key, "path": path }] });
    assert!(items.contains(&&item("redis-password", "password", "password")), "{items:?}");
    assert!(items.contains(&&item("redis-ca", "tls.crt", "ca")), "{items:?}");

    // What knows no secret has none.
    let envoy = shared().one("Deployment", "flowguard-envoy");
    for container in containers(&envoy["spec"]["template"]) {
        let mounts = container["volumeMounts"].as_array().into_iter().flatten();
        let mut names = mounts.map(|mount| &mount["name"]);
        assert!(names.all(|name| name != "store"), "{container}");
    }
}

#[test]
fn they_may_call_the_store_and_who_knows_its_address_and_nobody_else() {
    let policy = shared().one("NetworkPolicy", "flowguard");
    let dns =
        json!({ "ports": [{ "protocol": "UDP", "port": 53 }, { "protocol": "TCP", "port": 53 }] });
    let peer = json!([{ "podSelector": { "matchLabels": { "app": "redis" } } }]);
    assert_eq!(policy["spec"]["egress"], json!([dns, { "to": peer }]));
    let mut values = sharing();
    values["networkPolicy"]["storeTo"] = json!([]);
    let policy: Value = render(&values).one("NetworkPolicy", "flowguard").clone();
    assert_eq!(policy["spec"]["egress"], json!([{}]));
}

#[test]
fn notes_say_where_they_are() {
    let notes = &shared().notes;
    let service = "decides at flowguard-decisions.limits.svc.cluster.local:9095.";
    assert!(notes.contains(service), "{notes}");
    assert!(notes.contains("port-forward deployment/flowguard 9091"), "{notes}");
    assert!(!notes.contains("end with the pod"), "{notes}");
}
