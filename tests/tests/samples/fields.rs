//! What the samples say to Kubernetes, against the fields that its resources have.
//!
//! The resources' definitions are not to be had where the tests run, so `fields/` has lists of what
//! they know, each with the version that it was taken from (`cargo run -p flowguard-tests --example
//! crd_fields` makes them). A line is a path, `[]` an element of a list, `!` says that it must be
//! there where its parent is, `*` that anything may stand below; behind `=` are the words allowed.

use std::collections::BTreeMap;

use repository::json::text;
use repository::read;
use serde_json::Value;

use crate::sample::{documents, file};

const SAMPLES: [&str; 4] =
    ["istio.yaml", "istio-wasmplugin.yaml", "istio-trafficextension.yaml", "envoy-gateway.yaml"];

#[test]
fn every_field_of_every_resource_is_one_that_its_kind_has() {
    for sample in SAMPLES {
        for resource in documents(&file(sample)) {
            let wrong = Fields::of(&resource).judge(&resource);
            assert!(wrong.is_empty(), "{sample}, {}: {wrong:?}", resource["kind"]);
        }
    }
}

#[test]
fn a_field_or_a_word_that_there_is_not_is_found_and_so_is_one_that_is_missing() {
    let plugin = |spec: Value| {
        let plugin = serde_json::json!({
            "apiVersion": "extensions.istio.io/v1alpha1",
            "kind": "WasmPlugin",
            "metadata": {"name": "flowguard", "namespace": "llm"},
            "spec": spec,
        });
        Fields::of(&plugin).judge(&plugin)
    };
    let right = serde_json::json!({"url": "oci://a/b", "pluginConfig": {"any": {"thing": 1}}});
    assert_eq!(plugin(right), [""; 0]);
    let unknown = plugin(serde_json::json!({"url": "oci://a/b", "failurePolicy": "FAIL_OPEN"}));
    assert_eq!(unknown, ["spec.failurePolicy is not known"]);
    let word = plugin(serde_json::json!({"url": "oci://a/b", "failStrategy": "FAIL_CLOSED"}));
    assert_eq!(word, ["spec.failStrategy can't be FAIL_CLOSED"]);
    assert_eq!(plugin(serde_json::json!({"phase": "STATS"})), ["spec.url is missing"]);
}

#[test]
fn the_filters_image_has_the_projects_version() {
    let image = format!("registry.example.com/flowguard-filter:{}", env!("CARGO_PKG_VERSION"));
    for sample in SAMPLES {
        let sample = file(sample);
        let images = sample.lines().filter(|line| line.contains("url: "));
        assert!(images.clone().all(|line| line.ends_with(&image)), "{sample}");
    }
}

/// The fields of one kind of resource.
struct Fields {
    known: BTreeMap<String, Field>,
}

#[derive(Default)]
struct Field {
    required: bool,
    anything_below: bool,
    words: Vec<String>,
}

impl Fields {
    /// Those of the resource's version and kind.
    fn of(resource: &Value) -> Self {
        let (group, version) =
            text(&resource["apiVersion"]).split_once('/').expect("a group and a version");
        let kind = text(&resource["kind"]);
        let list = read(&format!("tests/tests/samples/fields/{kind}.txt"));
        assert!(list.starts_with(&format!("# {kind} {group}/{version}, ")), "{kind}.txt");
        let lines = list.lines().filter(|line| !line.starts_with('#'));
        Self { known: lines.map(Field::read).collect() }
    }

    /// What is wrong with the resource.
    fn judge(&self, resource: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        assert!(resource["metadata"]["name"].is_string(), "a name: {resource}");
        self.walk("spec", &resource["spec"], &mut wrong);
        wrong
    }

    fn walk(&self, path: &str, value: &Value, wrong: &mut Vec<String>) {
        let Some(field) = self.known.get(path) else {
            wrong.push(format!("{path} is not known"));
            return;
        };
        if field.anything_below {
            return;
        }
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.walk(&format!("{path}.{name}"), value, wrong);
                }
                let required = self.required_below(path).filter(|name| !fields.contains_key(*name));
                wrong.extend(required.map(|name| format!("{path}.{name} is missing")));
            }
            Value::Array(elements) => {
                for element in elements {
                    self.walk(&format!("{path}[]"), element, wrong);
                }
            }
            Value::String(word) if !field.words.is_empty() && !field.words.contains(word) => {
                wrong.push(format!("{path} can't be {word}"));
            }
            _ => {}
        }
    }

    fn required_below(&self, path: &str) -> impl Iterator<Item = &str> {
        self.known.iter().filter(|(_, field)| field.required).filter_map(move |(there, _)| {
            let name = there.strip_prefix(path)?.strip_prefix('.')?;
            (!name.contains(['.', '['])).then_some(name)
        })
    }
}

impl Field {
    fn read(line: &str) -> (String, Self) {
        let (path, words) = line.split_once(" = ").unwrap_or((line, ""));
        let (path, anything_below) =
            path.strip_suffix('*').map_or((path, false), |path| (path, true));
        let (path, required) = path.strip_suffix('!').map_or((path, false), |path| (path, true));
        let words = words.split_whitespace().map(str::to_owned).collect();
        (path.to_owned(), Self { required, anything_below, words })
    }
}
