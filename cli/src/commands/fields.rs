//! Values of fields as they are typed. What they may be is for the server to say; only their notation
//! is read here.

use serde_json::{Map, Value};

use crate::failure::Usage;

/// The fields that were given.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(pub(super) Map<String, Value>);

impl Fields {
    /// A number, or `none`.
    pub(super) fn number(
        &mut self,
        flag: &'static str,
        text: Option<&String>,
    ) -> Result<(), Usage> {
        let Some(text) = text else { return Ok(()) };
        let value = if text == "none" {
            Value::Null
        } else {
            let number: Option<i64> = text.parse().ok();
            number.map(Value::from).ok_or_else(|| wrong(flag, text, "an integer, or none"))?
        };
        self.put(flag, value);
        Ok(())
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, flag: &'static str, text: Option<&String>) -> Result<(), Usage> {
        let Some(text) = text else { return Ok(()) };
        let value: bool = text.parse().map_err(|_| wrong(flag, text, "true or false"))?;
        self.put(flag, value.into());
        Ok(())
    }

    /// A text; an empty one removes it.
    pub(super) fn text(&mut self, flag: &'static str, text: Option<&String>) {
        if let Some(text) = text {
            let value = if text.is_empty() { Value::Null } else { text.as_str().into() };
            self.put(flag, value);
        }
    }

    /// Texts, one each time that the flag is given; an empty one alone removes all.
    pub(super) fn texts(&mut self, flag: &'static str, texts: &[String]) {
        match texts {
            [] => {}
            [only] if only.is_empty() => self.put(flag, Value::Null),
            texts => self.put(flag, texts.into()),
        }
    }

    /// Names before `=` and what stands behind it; an empty text alone is none of them.
    pub(super) fn pairs(&mut self, flag: &'static str, texts: &[String]) -> Result<(), Usage> {
        match texts {
            [] => return Ok(()),
            [only] if only.is_empty() => {
                self.put(flag, Value::Object(Map::new()));
                return Ok(());
            }
            _ => {}
        }
        let mut members = Map::new();
        for text in texts {
            let allowed = "NAME=VALUE, as in model=gpt-4o, each name once";
            let (name, value) = text.split_once('=').ok_or_else(|| wrong(flag, text, allowed))?;
            if members.insert(name.to_owned(), value.into()).is_some() {
                return Err(wrong(flag, text, allowed));
            }
        }
        self.put(flag, Value::Object(members));
        Ok(())
    }

    fn put(&mut self, flag: &'static str, value: Value) {
        let name = flag.trim_start_matches('-').replace('-', "_");
        self.0.insert(name, value);
    }
}

fn wrong(flag: &'static str, value: &str, allowed: &'static str) -> Usage {
    Usage::Value { flag, value: crate::message::in_one_line(value), allowed }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_have_the_names_of_their_flags() {
        let text = |text: &str| text.to_owned();
        let mut fields = Fields::default();
        fields.number("--rpm", Some(&text("60"))).unwrap();
        fields.number("--tpm", Some(&text("none"))).unwrap();
        fields.number("--min-estimate", None).unwrap();
        fields.flag("--enabled", Some(&text("false"))).unwrap();
        fields.text("--group", Some(&text("a/b")));
        fields.text("--plan", Some(&text("")));
        fields.texts("--identities", &[text("a"), text("none")]);
        fields.texts("--each", &[text("")]);
        fields.pairs("--match", &[text("model=a=b"), text("plan=c")]).unwrap();
        let expected = json!({
            "rpm": 60, "tpm": null, "enabled": false, "group": "a/b", "plan": null,
            "identities": ["a", "none"], "each": null, "match": {"model": "a=b", "plan": "c"}
        });
        assert_eq!(Value::Object(fields.0), expected);
    }

    #[test]
    fn what_is_no_value_is_told_with_what_is_one() {
        let mut fields = Fields::default();
        let told = fields.number("--rpm", Some(&"a\n".to_owned())).unwrap_err().to_string();
        assert_eq!(told, "--rpm takes an integer, or none, not a");
        let told = fields.flag("--enabled", Some(&"yes".to_owned())).unwrap_err().to_string();
        assert_eq!(told, "--enabled takes true or false, not yes");
        for wrong in [&["a"][..], &["a=1", "a=2"]] {
            let texts: Vec<_> = wrong.iter().map(|text| (*text).to_owned()).collect();
            fields.pairs("--match", &texts).unwrap_err();
        }
    }
}
