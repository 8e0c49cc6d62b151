//! The chart's values: what is refused, and that each is told.

use std::collections::BTreeMap;

use repository::chart::call;
use repository::read;
use serde_json::{Value, json};

use crate::helm::{chart, least, refusals, render, renderings, sharing, try_render};

#[test]
fn a_value_that_cannot_work_is_refused_by_its_name() {
    let refusals = refusals(&[
        ("replicaCount", json!(0)),
        ("replicaCount", json!(65)),
        ("store.password.file", json!("/etc/password")),
        ("store.ca.secret", json!("No Name")),
        ("replicas", json!(1)),
        ("auth.admin.token", json!("fga_")),
        ("auth.decide.secret", json!("No Name")),
        ("image.pullPolicy", json!("Sometimes")),
        ("image.digest", json!("latest")),
        ("image.repository", json!("registry.example/flowguard:0.1.0 ")),
        ("persistence.size", json!("much")),
        ("persistence.accessMode", json!("ReadWriteMany")),
        ("securityContext.runAsUser", json!(0)),
        ("securityContext.privileged", json!(true)),
        ("service.type", json!("LoadBalancer")),
        ("networkPolicy.from", json!([])),
        ("podMonitor.interval", json!("often")),
        ("terminationGracePeriodSeconds", json!(0)),
        ("clients.alice", json!({ "rpm": 0 })),
        ("clients.alice", json!({ "rpm": "60" })),
        ("clients.alice", json!({ "rps": 1 })),
        ("clients.unknown", json!({ "rpm": 60 })),
        ("clients.two words", json!({ "rpm": 60 })),
        ("envoy.replicas", json!(0)),
        ("envoy.service.type", json!("ExternalName")),
        ("envoy.podDisruptionBudget.maxUnavailable", json!("half")),
    ]);
    for (path, refusal) in refusals {
        assert!(refusal.contains("values don't meet the specifications"), "{refusal}");
        let name = path.rsplit('.').next().unwrap_or(path);
        assert!(refusal.contains(name), "{path}: {refusal}");
    }
}

#[test]
fn an_image_that_nobody_named_is_refused() {
    for (path, refusal) in
        refusals(&[("image.repository", json!("")), ("envoy", json!({ "enabled": true }))])
    {
        let image = if path == "envoy" { "envoy.configImage" } else { "image" };
        assert!(refusal.contains(&format!("{image}.repository is empty")), "{refusal}");
    }
}

#[test]
fn several_control_planes_need_a_store_and_its_secrets_too() {
    let store = "settings.STORE_URL is empty";
    for (path, refusal) in refusals(&[
        ("replicaCount", json!(2)),
        ("store", json!({ "password": { "secret": "password" } })),
        ("store", json!({ "ca": { "secret": "ca" } })),
    ]) {
        assert!(refusal.contains(store), "{path}: {refusal}");
    }
    let refusal = refusals(&[("replicaCount", json!(3))]).remove(0).1;
    let told = "replicaCount is 3, and settings.STORE_URL is empty: control planes that share no store \
                would admit everything 3 times";
    assert!(refusal.contains(told), "{refusal}");

    let mut values = sharing();
    values["settings"]["STORE_CA_FILE"] = json!("/etc/ca.pem");
    let refusal = try_render(&values).expect_err("two files");
    assert!(
        refusal.contains("store.ca.secret and settings.STORE_CA_FILE are both set"),
        "{refusal}"
    );
}

#[test]
fn a_token_that_nobody_named_is_refused_unless_the_ports_are_left_open() {
    let open = |setting: &str| format!("settings.{setting}=\"off\"");
    let check = |values: &Value, told: [&str; 2], setting: &str| {
        let refusal = try_render(values).expect_err("callers could show nothing");
        for told in told.into_iter().chain([open(setting).as_str()]) {
            assert!(refusal.contains(told), "{told}: {refusal}");
        }
    };
    let mut values = least();
    values["envoy"] = json!({ "enabled": true, "configImage": { "repository": "config" } });
    let (admin, decide) = ("auth.admin.secret is empty", "auth.decide.secret is empty");
    values["auth"] = json!({});
    check(&values, [admin, "whoever calls the APIs has to show a token"], "ADMIN_AUTH");
    values["settings"] = json!({ "ADMIN_AUTH": "off" });
    check(&values, [admin, "whoever asks for decisions has to show a token"], "DECIDE_AUTH");
    values["auth"] = json!({ "admin": { "secret": "admin-token" } });
    check(&values, [decide, "Envoy has to show a token"], "DECIDE_AUTH");
    values["settings"] = json!({ "DECIDE_AUTH": "off" });
    assert!(try_render(&values).is_ok());
    values["settings"]["ADMIN_TOKEN_FILE"] = json!("/run/token");
    let refusal = try_render(&values).expect_err("two files");
    assert!(refusal.contains("auth.admin.secret and settings.ADMIN_TOKEN_FILE are both set"));
}

#[test]
fn tokens_are_files_of_secrets_for_those_who_show_them_or_know_them() {
    let [_, everything, ..] = renderings();
    let secret = |kind: &str, name: &str| {
        let volumes = &everything.one(kind, name)["spec"]["template"]["spec"]["volumes"];
        let mut volumes = volumes.as_array().into_iter().flatten();
        volumes.find(|volume| volume["name"] == "auth").expect("a token")["secret"].clone()
    };
    let of = |key: &str| {
        let items = [json!({ "key": key, "path": "token" })];
        json!({ "secretName": "tokens", "defaultMode": 0o440, "items": items })
    };
    assert_eq!(secret("StatefulSet", "flowguard"), of("admin"));
    assert_eq!(secret("Deployment", "flowguard-envoy"), of("envoy"));
    let endpoint = &everything.one("PodMonitor", "flowguard")["spec"]["podMetricsEndpoints"][0];
    let credentials = json!({ "name": "tokens", "key": "prometheus" });
    assert_eq!(endpoint["authorization"]["credentials"], credentials);
}

#[test]
fn clients_stand_in_one_place() {
    let mut values = least();
    values["clients"] = json!({ "alice": { "rpm": 60 } });
    values["clientsConfigMap"] = json!("elsewhere");
    let refusal = try_render(&values).expect_err("two files of clients");
    assert!(refusal.contains("clients and clientsConfigMap are both set"), "{refusal}");

    let file =
        [("clients", json!({ "alice": { "rpm": 60 } })), ("clientsConfigMap", json!("elsewhere"))];
    for (name, clients) in file {
        let mut values = sharing();
        values[name] = clients;
        let refusal = try_render(&values).expect_err("a file beside a store");
        assert!(refusal.contains("and settings.STORE_URL too"), "{name}: {refusal}");
        assert!(refusal.contains("send them once with PUT /api/v1/config"), "{name}: {refusal}");
    }
}

#[test]
fn an_image_is_named_by_its_digest_else_by_its_tag_else_by_the_charts_version() {
    let image = |values: &Value| {
        let rendered = render(values);
        let pod = &rendered.one("StatefulSet", "flowguard")["spec"]["template"]["spec"];
        pod["containers"][0]["image"].as_str().expect("an image").to_owned()
    };
    let version = env!("CARGO_PKG_VERSION");
    let mut values = least();
    assert_eq!(image(&values), format!("registry.example/flowguard:{version}"));
    values["image"]["tag"] = json!("nightly");
    assert_eq!(image(&values), "registry.example/flowguard:nightly");
    let digest = format!("sha256:{}", "0".repeat(64));
    values["image"]["digest"] = json!(digest);
    assert_eq!(image(&values), format!("registry.example/flowguard@{digest}"));
}

#[test]
fn what_is_not_kept_or_not_closed_is_told_at_the_installation() {
    let [_, everything, without_a_volume, _] = renderings();
    let notes = &without_a_volume.notes;
    assert!(notes.contains("balances and clients end with the pod"), "{notes}");
    assert!(notes.contains("can change every client's limits"), "{notes}");
    let notes = &everything.notes;
    assert!(!notes.contains("is false"), "{notes}");
    assert!(notes.contains("http://flowguard-envoy.limits:8080"), "{notes}");
}

#[test]
fn the_chart_has_the_version_of_what_it_runs() {
    let chart = read("helm/flowguard/Chart.yaml");
    for field in ["version", "appVersion"] {
        let expected = format!("{field}: {}", env!("CARGO_PKG_VERSION"));
        assert!(chart.lines().any(|line| line == expected), "{expected}\n{chart}");
    }
    let values = read("helm/flowguard/values.yaml");
    let compose = read("compose.yaml");
    let version =
        compose.split("image: envoyproxy/envoy:").nth(1).and_then(|rest| rest.lines().next());
    let version = version.expect("Envoy's version");
    assert!(values.contains(&format!("    tag: {version}\n")), "the chart has not {version}");
}

#[test]
fn every_value_is_in_the_readme_with_its_default() {
    let file = chart();
    let values = call(&["values", file.to_str().expect("a path in UTF-8")], &json!(null));
    let mut expected = BTreeMap::new();
    leaves(&values.unwrap_or_else(|error| panic!("{error}")), "", &mut expected);
    let readme = read("helm/flowguard/README.md");
    let rows = readme.lines().filter(|line| line.starts_with("| `"));
    let told: BTreeMap<_, _> = rows
        .map(|row| {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            assert!(!cells[3].is_empty(), "{row}");
            (cells[1].trim_matches('`').to_owned(), cells[2].trim_matches('`').to_owned())
        })
        .collect();
    assert_eq!(told, expected);
}

/// Each value that has nothing below it, by its path and as JSON writes it.
fn leaves(value: &Value, path: &str, found: &mut BTreeMap<String, String>) {
    match value.as_object().filter(|object| !object.is_empty()) {
        Some(object) => {
            for (name, below) in object {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                leaves(below, &path, found);
            }
        }
        None => {
            found.insert(path.to_owned(), value.to_string());
        }
    }
}
