//! Lists the fields of a custom resource, for `tests/samples/fields/`:
//!
//! ```text
//! crd_fields FILE KIND VERSION SOURCE [PATH...]
//! ```
//!
//! FILE has `CustomResourceDefinition`s in YAML, SOURCE says what they are and from when. All fields
//! below the PATHs are listed, such as `spec.wasm`; of the others their names alone.

use std::{env, fs, process::ExitCode};

use serde_json::Value;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [file, kind, version, source, paths @ ..] = arguments.as_slice() else {
        eprintln!("crd_fields FILE KIND VERSION SOURCE [PATH...]");
        return ExitCode::FAILURE;
    };
    let yaml = fs::read_to_string(file).expect("FILE can be read");
    let definitions: Vec<Value> = serde_saphyr::from_multiple(&yaml).expect("YAML");
    let definition = definitions
        .iter()
        .find(|definition| definition["spec"]["names"]["kind"] == kind.as_str())
        .expect("a definition of KIND");
    let versions = definition["spec"]["versions"].as_array().expect("versions");
    let schema = versions
        .iter()
        .find(|there| there["name"] == version.as_str())
        .map(|version| &version["schema"]["openAPIV3Schema"]["properties"]["spec"])
        .expect("this VERSION");
    let group = definition["spec"]["group"].as_str().expect("a group");
    println!("# {kind} {group}/{version}, {source}");
    list("spec", true, schema, paths);
    ExitCode::SUCCESS
}

fn list(path: &str, required: bool, schema: &Value, paths: &[String]) {
    let mark = |is: bool, mark: &str| if is { mark.to_owned() } else { String::new() };
    // Where several sets of words have to hold, the narrowest says it.
    let all = schema["allOf"].as_array().into_iter().flatten().map(|one| &one["enum"]);
    let words =
        all.chain([&schema["enum"]]).filter_map(Value::as_array).min_by_key(|words| words.len());
    let words = words.map(|words| {
        let words: Vec<_> = words.iter().filter_map(Value::as_str).collect();
        format!(" = {}", words.join(" "))
    });
    let anything = schema["x-kubernetes-preserve-unknown-fields"] == true
        || schema["additionalProperties"].is_object();
    println!(
        "{path}{}{}{}",
        mark(required, "!"),
        mark(anything, "*"),
        words.unwrap_or_default().trim_end_matches(" = ")
    );
    let listed = |wanted: &String| path.starts_with(wanted.as_str()) || wanted.starts_with(path);
    if anything || !(path == "spec" || paths.iter().any(listed)) {
        return;
    }
    if schema["items"].is_object() {
        list(&format!("{path}[]"), false, &schema["items"], paths);
    }
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        let is_required = required.iter().any(|required| required == name.as_str());
        list(&format!("{path}.{name}"), is_required, schema, paths);
    }
}
