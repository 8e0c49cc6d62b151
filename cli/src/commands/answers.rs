//! What answers have in common, whatever they are about.

use serde_json::Value;

use crate::{
    json::{self, Wrong, shown},
    output::View,
    secret::Kind,
    table::Table,
};

/// What a deletion is answered: words alone.
pub(super) const DELETED: View = View { table: |_| Ok(String::new()), names: |_| Ok(Vec::new()) };

/// What an answer to a change shows.
pub(super) fn config(answer: &Value) -> Result<&Value, Wrong> {
    answer.get("config").ok_or_else(|| Wrong("it has no config".to_owned()))
}

/// The names in a section.
pub(super) fn names(all: &Value, section: &str) -> Result<Vec<String>, Wrong> {
    Ok(json::object(all, section)?.keys().cloned().collect())
}

/// The name in a field.
pub(super) fn name(one: &Value, field: &str) -> Result<Vec<String>, Wrong> {
    Ok(vec![json::text(one, field)?.to_owned()])
}

/// What each thing in a list has in a field.
pub(super) fn each(page: &Value, list: &str, field: &str) -> Result<Vec<String>, Wrong> {
    let things = json::list(page, list)?.iter();
    things.map(|thing| json::text(thing, field).map(str::to_owned)).collect()
}

/// What is shown once stands alone on stdout: it goes into a file, or into a variable. What has not the
/// form of one is none, and may be anything.
pub(super) fn secret(answer: &Value, name: &str, kind: Kind) -> Result<String, Wrong> {
    let secret = json::text(answer, name)?;
    if kind.is(secret) {
        return Ok(format!("{secret}\n"));
    }
    Err(Wrong(format!("its {name} is none, which is {}", kind.form())))
}

/// What names it from now on.
pub(super) fn created_name(answer: &Value) -> Result<Vec<String>, Wrong> {
    name(config(answer)?, "public_part")
}

/// The wait that a refusal was told.
pub(super) fn wait(of: &Value) -> String {
    let is_never = of.get("never").and_then(Value::as_bool) == Some(true);
    if is_never { "never".to_owned() } else { shown(of.get("retry_after_ms")) }
}

/// A key or a token, with those of `fields` that it has.
pub(super) fn credential_table(credential: &Value, fields: &[&str]) -> Result<String, Wrong> {
    json::text(credential, "public_part")?;
    let mut table = Table::fields();
    for name in fields {
        if let Some(value) = credential.get(*name) {
            table.field(name, shown(Some(value)));
        }
    }
    Ok(table.to_string())
}
