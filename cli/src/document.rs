//! Documents of a whole configuration, made comparable by what docs/contract.md says of their fields:
//! which value each has that is not written, and which notations mean the same.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use crate::json::InOrder;

/// Keys and tokens are left alone by a document that has no section of them.
const LEFT_ALONE: [&str; 2] = ["keys", "tokens"];

/// Reads a document in YAML or JSON.
pub(crate) fn read(text: &[u8]) -> Result<Value, String> {
    let text = str::from_utf8(text).map_err(|error| error.to_string())?;
    // As the server reads it: `no` and `y` are words. How long it may be is known.
    let options =
        serde_saphyr::options! { strict_booleans: true, budget: None, with_snippet: false };
    let document: Value = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| crate::message::printable(&error.to_string()))?;
    if document.is_object() { Ok(document) } else { Err("it is no object".to_owned()) }
}

/// The document as JSON says it, where a text is a string: in YAML a plan may be called 12.
pub(crate) fn in_json(mut document: Value) -> Value {
    for (section, of) in document.as_object_mut().into_iter().flatten() {
        let texts: &[&str] = match section.as_str() {
            "clients" => &["group", "plan", "identities"],
            "limits" => &["name", "match"],
            "keys" => &["client_id"],
            "tokens" => &["name"],
            "models" => {
                *of = each(of, |_, patterns| as_texts(patterns));
                continue;
            }
            _ => continue,
        };
        let write_texts = |thing: &mut Value| {
            for name in texts {
                if let Some(text) = thing.get_mut(name) {
                    *text = as_texts(text);
                }
            }
        };
        match of {
            Value::Object(by_name) => by_name.values_mut().for_each(write_texts),
            Value::Array(list) => list.iter_mut().for_each(write_texts),
            _ => {}
        }
    }
    document
}

/// The server's document and the wanted one, each as what would be in force, in one order.
pub(crate) fn comparable(there: &Value, wanted: &Value) -> Result<(InOrder, InOrder), String> {
    let (mut there, wanted) = (normal(there)?, normal(wanted)?);
    for section in LEFT_ALONE {
        if !wanted.contains_key(section) {
            there.remove(section);
        } else if !there.contains_key(section) {
            there.insert(section.to_owned(), json!({}));
        }
    }
    Ok((in_order(&there), in_order(&wanted)))
}

/// With limits as the list that they are, by their names.
fn in_order(normal: &Map<String, Value>) -> InOrder {
    let sections = normal.iter().map(|(name, section)| {
        let section = match section {
            Value::Object(by_name) if name == "limits" => {
                InOrder::List(by_name.iter().map(|(name, limit)| named(name, limit)).collect())
            }
            section => section.into(),
        };
        (name.clone(), section)
    });
    InOrder::Object(sections.collect())
}

/// The name is what a limit begins with.
fn named(name: &str, limit: &Value) -> InOrder {
    let mut fields = IndexMap::from([("name".to_owned(), InOrder::Other(name.into()))]);
    if let InOrder::Object(others) = limit.into() {
        fields.extend(others);
    }
    InOrder::Object(fields)
}

fn normal(document: &Value) -> Result<Map<String, Value>, String> {
    let sections = document.as_object().ok_or("it is no object")?;
    let mut normal = Map::new();
    for name in ["clients", "models"] {
        normal.insert(name.to_owned(), json!({}));
    }
    normal.insert("limits".to_owned(), json!({}));
    for (name, section) in sections {
        let section = match name.as_str() {
            "limits" => limits(section)?,
            "clients" => each(section, client_of),
            "models" => each(section, |_, patterns| sorted(&as_texts(patterns))),
            "keys" | "tokens" => each(section, |_, kept| without_nulls(kept)),
            _ => section.clone(),
        };
        normal.insert(name.clone(), if section.is_null() { json!({}) } else { section });
    }
    Ok(normal)
}

fn each(section: &Value, normal: impl Fn(&str, &Value) -> Value) -> Value {
    let Value::Object(members) = section else { return section.clone() };
    let members = members.iter().map(|(name, value)| (name.clone(), normal(name, value)));
    Value::Object(members.collect())
}

/// By their names, whatever their order.
fn limits(section: &Value) -> Result<Value, String> {
    let limits = match section {
        Value::Null => return Ok(json!({})),
        section => section.as_array().ok_or("limits is no list")?,
    };
    let mut by_name = Map::new();
    for limit in limits {
        let name = limit.get("name").and_then(Value::as_str).ok_or("a limit has no name")?;
        if by_name.insert(name.to_owned(), limit_of(limit)).is_some() {
            return Err(format!("the limit {name} is there twice"));
        }
    }
    Ok(Value::Object(by_name))
}

fn client_of(id: &str, client: &Value) -> Value {
    let mut client = without_nulls(client);
    if let Some(fields) = client.as_object_mut() {
        fields.remove_if_is("enabled", &json!(true));
        fields.remove_if_is("identities", &json!([]));
        fields.remove_if_is("client_id", &json!(id));
        for name in ["group", "plan", "identities"] {
            if let Some(value) = fields.get_mut(name) {
                *value = as_texts(value);
            }
        }
        sort_field(fields, "identities");
    }
    client
}

fn limit_of(limit: &Value) -> Value {
    let mut limit = without_nulls(limit);
    if let Some(fields) = limit.as_object_mut() {
        fields.remove("name");
        if let Some(matches) = fields.get_mut("match") {
            *matches = as_texts(matches);
        }
        fields.remove_if_is("mode", &json!("enforce"));
        fields.remove_if_is("match", &json!({}));
        fields.remove_if_is("each", &json!([]));
        sort_field(fields, "each");
        let amount = fields.get("requests").or_else(|| fields.get("tokens")).cloned();
        if let Some(amount) = amount {
            fields.remove_if_is("burst", &amount);
        }
        if let Some(per) = fields.get_mut("per") {
            *per = window(per);
        }
    }
    limit
}

/// The longest unit that a window is a whole number of.
fn window(per: &Value) -> Value {
    const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
    let read = || {
        let text = per.as_str()?;
        let (_, unit) = UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
        let number: u64 = text.get(..text.len().checked_sub(1)?)?.parse().ok()?;
        let seconds = number.checked_mul(*unit)?;
        let (unit, long) = UNITS.iter().find(|(_, long)| seconds.is_multiple_of(*long))?;
        Some(json!(format!("{}{unit}", seconds / long)))
    };
    read().unwrap_or_else(|| per.clone())
}

/// `null` is what is not set.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.iter().filter(|(_, value)| !value.is_null());
            Value::Object(
                members.map(|(name, value)| (name.clone(), without_nulls(value))).collect(),
            )
        }
        value => value.clone(),
    }
}

/// What is a text however it is written: a plan may be called 12.
fn as_texts(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.to_string()),
        Value::Bool(word) => json!(word.to_string()),
        Value::Array(items) => items.iter().map(as_texts).collect(),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.clone(), as_texts(value)));
            Value::Object(members.collect())
        }
        Value::Null | Value::String(_) => value.clone(),
    }
}

/// A list whose order means nothing.
fn sorted(list: &Value) -> Value {
    let Value::Array(items) = list else { return list.clone() };
    let mut items = items.clone();
    items.sort_by_key(ToString::to_string);
    Value::Array(items)
}

fn sort_field(fields: &mut Map<String, Value>, name: &str) {
    if let Some(list) = fields.get_mut(name) {
        *list = sorted(list);
    }
}

/// Removes what is the default.
trait RemoveIfIs {
    fn remove_if_is(&mut self, name: &str, default: &Value);
}

impl RemoveIfIs for Map<String, Value> {
    fn remove_if_is(&mut self, name: &str, default: &Value) {
        if self.get(name) == Some(default) {
            self.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn same(there: &Value, wanted: &str) {
        let wanted = read(wanted.as_bytes()).unwrap();
        let (there, wanted) = comparable(there, &wanted).unwrap();
        assert_eq!(there, wanted);
    }

    #[test]
    fn what_is_meant_is_compared_and_not_how_it_is_written() {
        let there = json!({
            "clients": {
                "a": {"client_id": "a", "rpm": 60, "tpm": null, "enabled": true, "identities": ["x", "y"]},
            },
            "models": {"m": ["m-*", "n"]},
            "limits": [
                {"name": "l", "match": {}, "tokens": 100, "per": "1d", "mode": "enforce"},
                {"name": "k", "match": {"plan": "p"}, "each": ["client", "model"], "requests": 5, "per": "90s"},
            ],
            "keys": {"k": {"client_id": "a", "sha256": "0"}},
        });
        same(
            &there,
            "
clients: {a: {rpm: 60, identities: [y, x]}}
models: {m: [n, m-*]}
limits:
- {name: k, each: [model, client], match: {plan: p}, requests: 5, per: 90s, burst: 5}
- {name: l, tokens: 100, per: 24h, trial: null}
",
        );
        let words =
            json!({"clients": {"no": {"plan": "12", "group": "y"}}, "models": {"m": ["1"]}});
        same(&words, "{clients: {no: {plan: 12, group: y}}, models: {m: [1]}}");
        same(&json!({"clients": {}, "models": {}, "limits": []}), "clients:\n");
        same(&json!({"clients": {}, "models": {}, "limits": []}), "{keys: {}}");
    }

    #[test]
    fn a_text_that_needs_no_quotation_marks_has_them_in_json() {
        let document = "{clients: {7: {rpm: 5, enabled: false, group: true, plan: null, identities: [1, x]}},
            models: {m: [1, a]}, limits: [{name: 5, match: {plan: 12}, tokens: 9, per: 1m}], keys: {},
            tokens: {t: {name: 1, scopes: [read]}}, clients2: 5}";
        assert_eq!(
            in_json(read(document.as_bytes()).unwrap()),
            json!({
                "clients": {"7": {"rpm": 5, "enabled": false, "group": "true", "plan": null, "identities": ["1", "x"]}},
                "models": {"m": ["1", "a"]},
                "limits": [{"name": "5", "match": {"plan": "12"}, "tokens": 9, "per": "1m"}],
                "keys": {},
                "tokens": {"t": {"name": "1", "scopes": ["read"]}},
                "clients2": 5
            })
        );
    }

    #[test]
    fn what_is_another_value_is_a_difference() {
        let there = json!({"clients": {"a": {"client_id": "a", "rpm": 60, "enabled": true}}});
        for wanted in [
            "clients: {a: {rpm: 61}}",
            "clients: {a: {rpm: 60, enabled: false}}",
            "clients: {a: {rpm: 60, group: g}}",
            "clients: {}",
            "clients: {a: {rpm: 60}, b: {}}",
            "clients: {a: {rpm: 60}}\nmodels: {m: [x]}",
            "clients: {a: {rpm: 60}}\ntokens: {t: {name: n}}",
        ] {
            let document = read(wanted.as_bytes()).unwrap();
            let (there, wanted_of) = comparable(&there, &document).unwrap();
            assert_ne!(there, wanted_of, "{wanted}");
        }
    }

    #[test]
    fn limits_are_a_list_by_name_whatever_their_order() {
        let (there, wanted) = (
            json!({"limits": [{"name": "b", "tokens": 1, "per": "1m"}, {"name": "a", "concurrent": 4}]}),
            json!({"limits": []}),
        );
        let (there, wanted) = comparable(&there, &wanted).unwrap();
        assert_eq!(
            crate::output::yaml(&there).unwrap(),
            "clients: {}\nlimits:\n- name: a\n  concurrent: 4\n- name: b\n  per: 1m\n  tokens: 1\nmodels: {}\n"
        );
        assert_eq!(crate::output::yaml(&wanted).unwrap(), "clients: {}\nlimits: []\nmodels: {}\n");
    }

    #[test]
    fn windows_are_the_same_in_whatever_unit() {
        for (written, meant) in [
            ("60s", "1m"),
            ("24h", "1d"),
            ("90s", "90s"),
            ("48h", "2d"),
            ("x", "x"),
            ("s", "s"),
            ("", ""),
        ] {
            assert_eq!(window(&json!(written)), json!(meant));
        }
    }

    #[test]
    fn what_is_no_document_is_told() {
        for text in ["", "1", "[]", "a: [", "\u{0}"] {
            read(text.as_bytes()).unwrap_err();
        }
        let (there, twice) = (json!({}), json!({"limits": [{"name": "a"}, {"name": "a"}]}));
        assert_eq!(comparable(&there, &twice).unwrap_err(), "the limit a is there twice");
    }
}
