//! Every field of the dashboard is one that Grafana knows, with a value that it takes.
//!
//! No Grafana can be had where this runs, nor its schema; `fields.txt` has the fields that its
//! schema had on the day that stands there.

use std::collections::BTreeMap;

use repository::dashboard::Dashboard;
use repository::json::{array, text};
use serde_json::{Value, json};

/// Fields and types by kind.
struct Schema<'a>(BTreeMap<&'a str, BTreeMap<&'a str, Field<'a>>>);

struct Field<'a> {
    kind: &'a str,
    required: bool,
}

impl<'a> Schema<'a> {
    fn read(list: &'a str) -> Self {
        let mut kinds: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        let mut kind = "";
        for line in list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(field) = line.strip_prefix("    ") {
                let (name, of) = field.split_once(' ').expect("a field and its type");
                let required = !name.ends_with('?');
                let field = Field { kind: of, required };
                let of_kind: &mut BTreeMap<_, _> = kinds.entry(kind).or_default();
                of_kind.insert(name.trim_end_matches('?'), field);
            } else {
                kind = line;
                kinds.entry(kind).or_default();
            }
        }
        Self(kinds)
    }

    fn field(&self, kind: &str, name: &str) -> Option<&Field<'a>> {
        self.0.get(kind)?.get(name)
    }

    /// What is wrong with a value that shall be of a type.
    fn judge(&self, value: &Value, kind: &str, place: &str) -> Result<(), String> {
        let alternatives = alternatives(kind);
        if alternatives.len() > 1 {
            let mut errors = Vec::new();
            for alternative in alternatives {
                match self.judge(value, alternative, place) {
                    Ok(()) => return Ok(()),
                    Err(error) => errors.push(error),
                }
            }
            return Err(errors.join("; or "));
        }
        let taken = match kind {
            "any" => true,
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "number" => value.is_number(),
            "integer" => value.is_i64(),
            "null" => value.is_null(),
            literal if literal.starts_with(['"', '-']) || literal.parse::<u8>().is_ok() => {
                serde_json::from_str::<Value>(literal).is_ok_and(|literal| literal == *value)
            }
            list if list.starts_with('[') => return self.judge_list(value, inside(list), place),
            map if map.starts_with('{') => return self.judge_map(value, inside(map), place),
            object => return self.judge_object(value, object, place),
        };
        if taken { Ok(()) } else { Err(format!("{place}: {value} is not {kind}")) }
    }

    fn judge_list(&self, value: &Value, kind: &str, place: &str) -> Result<(), String> {
        let items = value.as_array().ok_or_else(|| format!("{place}: {value} is no list"))?;
        let mut items = items.iter().enumerate();
        items.try_for_each(|(index, item)| self.judge(item, kind, &format!("{place}[{index}]")))
    }

    fn judge_map(&self, value: &Value, kind: &str, place: &str) -> Result<(), String> {
        let entries = value.as_object().ok_or_else(|| format!("{place}: {value} is no object"))?;
        let mut entries = entries.iter();
        entries.try_for_each(|(name, entry)| self.judge(entry, kind, &format!("{place}.{name}")))
    }

    fn judge_object(&self, value: &Value, kind: &str, place: &str) -> Result<(), String> {
        let known =
            self.0.get(kind).ok_or_else(|| format!("{place}: nothing is known of {kind}"))?;
        let fields = value.as_object().ok_or_else(|| format!("{place}: {value} is no {kind}"))?;
        for (name, value) in fields {
            let field = known.get(name.as_str());
            let field = field.ok_or_else(|| format!("{place}: a {kind} has no field {name}"))?;
            self.judge(value, field.kind, &format!("{place}.{name}"))?;
        }
        let required = known.iter().filter(|(_, field)| field.required);
        for (name, _) in required {
            if !fields.contains_key(*name) {
                return Err(format!("{place}: a {kind} has a field {name}"));
            }
        }
        Ok(())
    }

    /// What depends on a panel's type: its options, the fields that are its own, and overrides.
    fn judge_panel(&self, panel: &Value) -> Result<(), String> {
        let (title, of) = (text(&panel["title"]), text(&panel["type"]));
        self.judge(&panel["options"], &format!("options of {of}"), &format!("{title}: options"))?;
        let custom = format!("custom of {of}");
        let config = &panel["fieldConfig"];
        if let Some(value) = config["defaults"].get("custom") {
            self.judge(value, &custom, &format!("{title}: custom"))?;
        }
        let properties =
            array(&config["overrides"]).iter().flat_map(|each| array(&each["properties"]));
        for property in properties {
            let id = text(&property["id"]);
            let (kind, name) = match id.strip_prefix("custom.") {
                Some(name) => (custom.as_str(), name),
                None => ("FieldConfig", id),
            };
            let field = self.field(kind, name);
            let field = field.ok_or_else(|| format!("{title}: nothing is called {id}"))?;
            self.judge(&property["value"], field.kind, &format!("{title}: {id}"))?;
        }
        for transformation in panel.get("transformations").map(array).unwrap_or_default() {
            let kind = format!("options of {}", text(&transformation["id"]));
            self.judge(&transformation["options"], &kind, &format!("{title}: {kind}"))?;
        }
        Ok(())
    }

    fn judge_dashboard(&self, dashboard: &Dashboard) -> Result<(), String> {
        self.judge(&dashboard.json, "Dashboard", "dashboard")?;
        dashboard.panels().try_for_each(|panel| self.judge_panel(panel))
    }
}

/// What a type says it may be, which stands between bars: `a|b`, but not those of `[a|b]`.
fn alternatives(kind: &str) -> Vec<&str> {
    let mut depth = 0;
    let is_bar = |character| {
        match character {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            _ => {}
        }
        character == '|' && depth == 0
    };
    kind.split(is_bar).collect()
}

fn inside(brackets: &str) -> &str {
    &brackets[1..brackets.len() - 1]
}

#[test]
fn every_field_is_one_that_grafana_knows_with_a_value_that_it_takes() {
    let schema = Schema::read(include_str!("fields.txt"));
    assert_eq!(schema.judge_dashboard(&Dashboard::read()), Ok(()));
}

#[test]
fn a_field_that_grafana_does_not_know_or_a_value_that_it_does_not_take_is_found() {
    let schema = Schema::read(include_str!("fields.txt"));
    for (place, value) in [
        ("/colour", json!("red")),
        ("/schemaVersion", json!("41")),
        ("/panels/1/gridPos/w", json!(4.5)),
        ("/panels/1/options/graphMode", json!("areas")),
        ("/panels/1/options/legend", json!({})),
        ("/panels/1/fieldConfig/defaults/units", json!("ms")),
        ("/panels/7/fieldConfig/defaults/custom/lineWidth", json!("1")),
        ("/panels/7/fieldConfig/overrides/0/properties/0/id", json!("custom.color")),
        ("/panels/7/targets/0/query", json!("up")),
        ("/panels/11/transformations/0/id", json!("merge ")),
        ("/annotations/list/0/target/step", json!("1m")),
        ("/templating/list/1/query/qryType", json!(9)),
        ("/links/0/keepTime", Value::Null),
    ] {
        let mut dashboard = Dashboard::read();
        let (parent, field) = place.rsplit_once('/').expect("a place");
        dashboard.json.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"))[field] = value;
        assert!(schema.judge_dashboard(&dashboard).is_err(), "{place} is let pass");
    }
}

#[test]
fn a_field_that_grafana_asks_for_is_missed() {
    let schema = Schema::read(include_str!("fields.txt"));
    for place in ["/schemaVersion", "/panels/1/options/reduceOptions", "/links/0/tags"] {
        let mut dashboard = Dashboard::read();
        let (parent, field) = place.rsplit_once('/').expect("a place");
        let parent = dashboard.json.pointer_mut(parent).and_then(Value::as_object_mut);
        assert!(parent.expect("an object").remove(field).is_some(), "{place}");
        assert!(schema.judge_dashboard(&dashboard).is_err(), "{place}");
    }
}
