//! Events for people: a line for each of those that one is about.

use indexmap::IndexMap;
use serde_json::Value;

use crate::{
    json::{self, InOrder, Wrong, shown},
    message::in_one_line,
    server_sent::Event,
};

/// What counts since the process started, `stats` shows; who watches looks at rates.
const OF_STATS: [&str; 7] = [
    "over_ms",
    "success_requests",
    "rpm_dropped",
    "tpm_dropped",
    "limit_dropped",
    "refused_in_shadow",
    "tokens_used",
];

/// When, what, and its fields as `name=value`.
pub(super) fn lines(event: &Event) -> Result<String, Wrong> {
    let InOrder::Object(fields) = json::read_in_order(event.data.as_bytes())? else {
        return Err(Wrong(format!("its event {} is no object", event.name)));
    };
    let mut time = "-".to_owned();
    let (mut about, mut own) = (Vec::new(), Vec::new());
    for (name, value) in &fields {
        match value {
            InOrder::Other(value) if name == "time" => time = shown(Some(value)),
            // Of most events there are no more.
            InOrder::Other(Value::Bool(false)) if name == "more" => {}
            InOrder::List(items) if items.iter().all(is_object) => about.extend(items),
            value => own.extend(words(name, value)),
        }
    }
    let of = |item: &InOrder| match item {
        InOrder::Object(fields) => fields
            .iter()
            .filter(|(name, _)| event.name != "clients" || !OF_STATS.contains(&name.as_str()))
            .flat_map(|(name, value)| words(name, value))
            .collect(),
        _ => Vec::new(),
    };
    let mut lines: Vec<Vec<String>> = about.into_iter().map(of).collect();
    if lines.is_empty() || !own.is_empty() {
        lines.push(own);
    }
    let line = |words: Vec<String>| {
        let line = format!("{time} {:<9} {}", event.name, words.join(" "));
        in_one_line(line.trim_end()) + "\n"
    };
    Ok(lines.into_iter().map(line).collect())
}

fn is_object(value: &InOrder) -> bool {
    matches!(value, InOrder::Object(_))
}

fn words(name: &str, value: &InOrder) -> Vec<String> {
    match value {
        InOrder::Other(Value::Null) => Vec::new(),
        InOrder::Other(value) => vec![format!("{name}={}", shown(Some(value)))],
        InOrder::Object(members) => members
            .iter()
            .flat_map(|(member, value)| words(&format!("{name}.{member}"), value))
            .collect(),
        InOrder::List(items) if items.iter().all(is_object) => {
            items.iter().filter_map(standing).collect()
        }
        InOrder::List(items) => {
            let items = items.iter().map(|item| match item {
                InOrder::Other(value) => shown(Some(value)),
                _ => "…".to_owned(),
            });
            vec![format!("{name}={}", items.collect::<Vec<_>>().join(","))]
        }
    }
}

/// What is left of a limit, and all of it.
fn standing(limit: &InOrder) -> Option<String> {
    let InOrder::Object(fields) = limit else { return None };
    let of = |name: &str| shown(scalar(fields, name));
    scalar(fields, "name")?;
    Some(format!("{}={}/{}", of("name"), of("remaining"), of("limit")))
}

fn scalar<'a>(fields: &'a IndexMap<String, InOrder>, name: &str) -> Option<&'a Value> {
    match fields.get(name)? {
        InOrder::Other(value) => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, data: &str, told: &str) {
        let event = Event { id: None, name: name.to_owned(), data: data.to_owned() };
        assert_eq!(lines(&event).unwrap(), told);
    }

    #[test]
    fn an_event_is_a_line() {
        check(
            "config",
            r#"{"audit_id":7,"time":"T","actor":{"kind":"token","name":"ci"},"object":"client/a","by":["x","y"],"no":null}"#,
            "T config    audit_id=7 actor.kind=token actor.name=ci object=client/a by=x,y\n",
        );
        check("ready", "{}", "- ready\n");
        check("odd", r#"{"a":"x\u001b[2J\ny"}"#, "- odd       a=x\\u{1b}[2J\\ny\n");
        let event = Event { name: "ready".to_owned(), data: "{".to_owned(), ..Event::default() };
        assert!(lines(&event).is_err());
    }

    #[test]
    fn each_client_has_a_line_of_its_own() {
        check(
            "clients",
            r#"{"time":"T","clients":[
                {"client":"f0","over_ms":500,"requests_per_s":12.34567,"refused_per_s":0,"tokens_used":9,
                 "limits":[{"name":"rpm","measure":"requests","limit":60,"remaining":3,"full_in_ms":9},
                           {"name":"org","measure":"tokens","limit":500}]},
                {"client":"f1","group":"org","requests_per_s":0,"limits":[]}],"more":false}"#,
            "T clients   client=f0 requests_per_s=12.35 refused_per_s=0 rpm=3/60 org=-/500\n\
             T clients   client=f1 group=org requests_per_s=0\n",
        );
        check(
            "refusals",
            r#"{"time":"T","refusals":[{"client":"a","over_ms":900,"requests":3,"rpm":2,"limits":{"org":1}}]}"#,
            "T refusals  client=a over_ms=900 requests=3 rpm=2 limits.org=1\n",
        );
        check(
            "clients",
            r#"{"time":"T","clients":[{"client":"a"}],"more":true}"#,
            "T clients   client=a\nT clients   more=true\n",
        );
    }
}
