//! What a server answered, read as JSON.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize, Serializer, de::IgnoredAny};
use serde_json::{Map, Value};
use serde_saphyr::DoubleQuoted;

use crate::message::is_hidden;

/// An answer that is not what the contract says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Wrong(pub(crate) String);

/// Reads an answer.
pub(crate) fn read(body: &[u8]) -> Result<Value, Wrong> {
    serde_json::from_slice(body).map_err(|error| Wrong(error.to_string()))
}

/// Whether it is JSON at all.
pub(crate) fn is_json(body: &[u8]) -> bool {
    str::from_utf8(body).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

/// A value whose members stay in the order in which they came, which is one for people.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum InOrder {
    Object(IndexMap<String, InOrder>),
    List(Vec<InOrder>),
    Other(Value),
}

impl Serialize for InOrder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Object(members) => members.serialize(serializer),
            Self::List(items) => items.serialize(serializer),
            // There alone such a character can be written as an escape.
            Self::Other(Value::String(text)) if text.contains(is_hidden) => {
                DoubleQuoted(text.as_str()).serialize(serializer)
            }
            Self::Other(value) => value.serialize(serializer),
        }
    }
}

impl From<&Value> for InOrder {
    fn from(value: &Value) -> Self {
        match value {
            Value::Object(members) => {
                let members = members.iter().map(|(name, value)| (name.clone(), value.into()));
                Self::Object(members.collect())
            }
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            value => Self::Other(value.clone()),
        }
    }
}

/// Reads an answer that is to be shown as it is.
pub(crate) fn read_in_order(body: &[u8]) -> Result<InOrder, Wrong> {
    serde_json::from_slice(body).map_err(|error| Wrong(error.to_string()))
}

/// A member that is an object.
pub(crate) fn object<'a>(value: &'a Value, name: &str) -> Result<&'a Map<String, Value>, Wrong> {
    value.get(name).and_then(Value::as_object).ok_or_else(|| Wrong(format!("it has no {name}")))
}

/// A member that is a list.
pub(crate) fn list<'a>(value: &'a Value, name: &str) -> Result<&'a [Value], Wrong> {
    let list = value.get(name).and_then(Value::as_array);
    list.map(Vec::as_slice).ok_or_else(|| Wrong(format!("it has no {name}")))
}

/// A member that is a text.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, Wrong> {
    value.get(name).and_then(Value::as_str).ok_or_else(|| Wrong(format!("it has no {name}")))
}

/// A value as a table shows it: a text as it is, a list with commas, what is absent or null by a dash.
pub(crate) fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let items: Vec<_> = items.iter().map(|item| shown(Some(item))).collect();
            items.join(", ")
        }
        Some(Value::Object(members)) => {
            let members: Vec<_> = members
                .iter()
                .map(|(name, value)| format!("{name}={}", shown(Some(value))))
                .collect();
            members.join(", ")
        }
        // A rate or a mean, whose further digits say nothing.
        Some(Value::Number(number)) if number.is_f64() => {
            let text = format!("{:.2}", number.as_f64().unwrap_or_default());
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        Some(value) => value.to_string(),
    }
}

/// The same where nothing means that there is no limit.
pub(crate) fn limit(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "none".to_owned(),
        value => shown(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_shown_without_their_notation() {
        for (value, told) in [
            (json!(null), "-"),
            (json!("a b"), "a b"),
            (json!(12), "12"),
            (json!(true), "true"),
            (json!(3.93905), "3.94"),
            (json!(2.0), "2"),
            (json!(120.0), "120"),
            (json!(["a", 1]), "a, 1"),
            (json!({"b": 1, "a": ["x"]}), "a=x, b=1"),
        ] {
            assert_eq!(shown(Some(&value)), told);
        }
        assert_eq!(limit(Some(&json!(null))), "none");
        assert_eq!(limit(Some(&json!(7))), "7");
    }

    #[test]
    fn members_stay_in_their_order() {
        let text =
            r#"{"name":"a","burst":[{"z":1,"a":null}],"b":{},"c":1.5,"d":-7,"e":1000000000000}"#;
        let value = read_in_order(text.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), text);
    }

    #[test]
    fn what_is_missing_is_named() {
        let value = json!({"a": 1});
        assert_eq!(object(&value, "a").unwrap_err().to_string(), "it has no a");
        assert_eq!(list(&value, "b").unwrap_err().to_string(), "it has no b");
        assert_eq!(text(&value, "c").unwrap_err().to_string(), "it has no c");
        assert!(read(b"{").is_err());
    }
}
