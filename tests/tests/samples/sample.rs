//! The samples as they are read: whole files, and the documents in them.

use repository::read;
use serde_json::Value;

/// A file of `envoy/`.
pub(crate) fn file(name: &str) -> String {
    read(&format!("envoy/{name}"))
}

/// What stands for somebody's configuration before FlowGuard.
pub(crate) fn base(name: &str) -> Value {
    document(&read(&format!("tests/tests/samples/bases/{name}")))
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
