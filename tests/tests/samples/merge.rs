//! How messages of protobuf are merged, on their JSON: fields of the second win, lists get longer.

use serde_json::Value;

/// Maps from names to messages, whose entries are replaced as a whole.
const MAPS: [&str; 2] = ["typed_extension_protocol_options", "typed_per_filter_config"];

/// Merges a message into another of the same type.
pub(crate) fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                let there = into.entry(name).or_insert(Value::Null);
                if MAPS.contains(&name.as_str()) && there.is_object() {
                    replace_entries(there, value);
                } else {
                    merge(there, value);
                }
            }
        }
        (Value::Array(into), Value::Array(from)) => into.extend(from.iter().cloned()),
        (into, from) => *into = from.clone(),
    }
}

fn replace_entries(map: &mut Value, entries: &Value) {
    for (name, entry) in entries.as_object().expect("a map of messages") {
        map[name] = entry.clone();
    }
}
