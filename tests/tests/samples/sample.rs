//! The samples as they are read: whole files, and the documents in them.

use harness::tools;
use serde_json::Value;

/// A file of `envoy/`.
pub(crate) fn file(name: &str) -> String {
    read(&format!("envoy/{name}"))
}

/// What stands for somebody's configuration before FlowGuard.
pub(crate) fn base(name: &str) -> Value {
    document(&read(&format!("tests/tests/samples/bases/{name}")))
}

/// A file of the project.
pub(crate) fn read(path: &str) -> String {
    let path = tools::workspace().join(path);
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("can't read {}: {error}", path.display()))
}

/// The one document of a YAML text.
pub(crate) fn document(yaml: &str) -> Value {
    let [document] = <[Value; 1]>::try_from(documents(yaml)).expect("one document");
    document
}

/// All documents of a YAML text.
pub(crate) fn documents(yaml: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(yaml).unwrap_or_else(|error| panic!("{error}"))
}

/// The one resource of a kind.
pub(crate) fn of_kind(documents: &[Value], kind: &str) -> Value {
    let mut found = documents.iter().filter(|document| document["kind"] == kind);
    let resource = found.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(found.next().is_none(), "several {kind}");
    resource.clone()
}

/// The elements of a list that has to be there.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

/// The text that has to be there.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
