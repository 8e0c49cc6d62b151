//! FlowGuard's settings in the chart: the schema knows each, by what the program says of it.

use std::collections::BTreeMap;
use std::fs;

use harness::tools;
use serde_json::{Map, Value, json};

use crate::helm::{chart, least, refusals, render};
use crate::pod::{containers, environment, pods};

/// What the chart sets itself: where things are in a pod.
const OWN: [&str; 9] = [
    "BIND_ADDRESS",
    "CONFIG_FILE",
    "CONFIG_PORT",
    "DATA_DIR",
    "DECISION_PORT",
    "ENVOY_ADMIN_PORT",
    "GRPC_PORT",
    "METRICS_PORT",
    "PROXY_PORT",
];

/// A value that no setting takes but those that take any text.
const NO_VALUE: &str = "x";

/// What `flowguard settings` prints with these variables set: the settings, or why there are none.
fn settings<'a>(
    variables: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<BTreeMap<String, String>, String> {
    let output = tools::flowguard().env_clear().envs(variables).arg("settings").output();
    let output = output.expect("flowguard runs");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim_end().to_owned());
    }
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let lines = text.lines().filter_map(|line| line.split_once('='));
    Ok(lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// The schema of each setting, of what the program says is allowed for it.
fn schemas() -> Map<String, Value> {
    let names = settings(None).expect("the defaults are allowed").into_keys();
    let names = names.filter(|name| !OWN.contains(&name.as_str()));
    names
        .map(|name| {
            let schema = schema(&name);
            (name, schema)
        })
        .collect()
}

fn schema(name: &str) -> Value {
    let Err(refusal) = settings(Some((name, NO_VALUE))) else { return json!({ "type": "string" }) };
    // Any text is allowed where it is refused for what else has to be said.
    let Some((_, allowed)) = refusal.split_once(" is not allowed: ") else {
        assert!(refusal.contains(name), "{refusal}");
        return json!({ "type": "string" });
    };
    if allowed == "true or false" {
        return json!({ "type": "boolean" });
    }
    if let Some((least, most)) =
        allowed.strip_prefix("an integer from ").and_then(|range| range.split_once(" to "))
    {
        // `134217728 (128 MiB)`
        let number = |text: &str| -> u64 {
            text.split(' ').next().unwrap_or(text).parse().expect("a number")
        };
        return json!({ "type": "integer", "minimum": number(least), "maximum": number(most) });
    }
    let words: Vec<_> = allowed.split(", ").flat_map(|words| words.split(" or ")).collect();
    let is_word =
        |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase() || b"_-".contains(&byte));
    if words.iter().all(is_word) {
        return json!({ "enum": words });
    }
    json!({ "type": "string" })
}

#[test]
fn the_schema_knows_every_setting_and_what_is_allowed_for_it() {
    let file = chart().join("values.schema.json");
    let text = fs::read_to_string(&file).expect("the schema");
    let mut schema: Value = serde_json::from_str(&text).expect("a schema is JSON");
    schema["properties"]["settings"]["properties"] = Value::Object(schemas());
    let expected = format!("{schema:#}\n");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, &expected).expect("the schema can be written");
    }
    let text = fs::read_to_string(&file).expect("the schema");
    assert!(
        text == expected,
        "{} is not what flowguard allows: renew it by BLESS=1",
        file.display()
    );
}

#[test]
fn every_setting_reaches_the_programs_as_it_was_written() {
    let mut values = least();
    values["envoy"] = json!({ "enabled": true, "configImage": { "repository": "config" } });
    let mut given = BTreeMap::new();
    for (name, schema) in schemas() {
        // With another word there would be no limits of unknown clients to print, and nobody to ask who
        // is known.
        if ["UNKNOWN_CLIENTS", "FLOWGUARD_IDENTITY"].contains(&name.as_str()) {
            continue;
        }
        let value = match (&schema["enum"], schema["type"].as_str()) {
            (Value::Array(words), _) => words[words.len() - 1].clone(),
            // The largest numbers are those that a program for templates writes with an exponent.
            (_, Some("integer")) => schema["maximum"].clone(),
            (_, Some("boolean")) => json!(true),
            _ => json!(match name.as_str() {
                "UPSTREAM_URL" => "https://llm.example.com:8443/v1",
                "ALLOWED_HOSTS" => "flowguard.example.com",
                "CORS_ALLOW_ORIGINS" => "https://a.example,https://b.example",
                "MODEL_FROM" => "header,path",
                "MODEL_HEADER" => "x-llm-model",
                "EXEMPT_PATHS" => "/healthz,/static/*",
                "UPSTREAM_CA_FILE" => "/etc/ca/a: b.pem",
                // A setting whose values this test does not know keeps its own.
                _ => continue,
            }),
        };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        given.insert(name.clone(), text);
        values["settings"][name] = value;
    }
    assert!(given.len() > 25, "{given:?}");
    let rendered = render(&values);
    let hosts = "flowguard,flowguard.limits,flowguard.limits.svc,flowguard.limits.svc.cluster.local,\
                 flowguard.example.com";
    given.insert("ALLOWED_HOSTS".to_owned(), hosts.to_owned());
    let mut programs = 0;
    for pod in pods(&rendered.objects) {
        for container in containers(pod).into_iter().filter(|one| one["name"] != "envoy") {
            let environment = environment(container);
            let variables = environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let printed = settings(variables).unwrap_or_else(|refusal| panic!("{refusal}"));
            for (name, value) in &given {
                assert_eq!(printed.get(name), Some(value), "{name}");
            }
            programs += 1;
        }
    }
    assert_eq!(programs, 2);
}

#[test]
fn a_setting_that_flowguard_would_refuse_is_refused_before_anything_starts() {
    for (path, refusal) in refusals(&[
        ("settings.FAILURE_MODE", json!("ajar")),
        ("settings.FLOWGUARD_MODE", json!("wrong")),
        ("settings.MIN_ESTIMATE", json!(-1)),
        ("settings.MIN_ESTIMATE", json!("many")),
        ("settings.EXEMPT_PREFLIGHT", json!("perhaps")),
        ("settings.UPSTREAM", json!("https://llm.example.com")),
        ("settings.CONFIG_PORT", json!(9091)),
        ("settings.DATA_DIR", json!("/tmp")),
    ]) {
        let (_, name) = path.split_once('.').expect("a setting");
        assert!(refusal.contains("/settings") && refusal.contains(name), "{path}: {refusal}");
    }
}
