//! The pods of what was rendered.

use std::collections::BTreeMap;

use serde_json::Value;

/// The pod templates of all workloads.
pub(crate) fn pods(objects: &[Value]) -> Vec<&Value> {
    let workloads = objects.iter().filter(|object| !object["spec"]["template"].is_null());
    workloads.map(|workload| &workload["spec"]["template"]).collect()
}

/// All containers of a pod template, those that run first too.
pub(crate) fn containers(pod: &Value) -> Vec<&Value> {
    let lists = ["initContainers", "containers"];
    lists.iter().flat_map(|list| pod["spec"][list].as_array().into_iter().flatten()).collect()
}

/// The variables of a container that have a value.
pub(crate) fn environment(container: &Value) -> BTreeMap<String, String> {
    let variables = container["env"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    variables.map(|variable| (text(&variable["name"]), text(&variable["value"]))).collect()
}

/// The texts in a list.
pub(crate) fn texts(list: &Value) -> Vec<&str> {
    let texts = list.as_array().into_iter().flatten();
    texts.map(|text| text.as_str().expect("a text")).collect()
}

/// Whether labels have all that a selector asks for.
pub(crate) fn selects(selector: &Value, labels: &Value) -> bool {
    let wanted = selector.as_object().expect("a selector");
    !wanted.is_empty() && wanted.iter().all(|(name, value)| labels[name] == *value)
}
