//! `flowguard audit`.

use clap::Args;
use serde_json::Value;

use super::{
    answers::each,
    page::{Page, more},
};
use crate::{
    call::Call,
    failure::Failure,
    json::{self, Wrong, shown},
    options::Format,
    output::View,
    session::Session,
    table::Table,
};

/// Which changes are meant.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// Of this alone, as in client/acme, limit/org or configuration
    #[arg(long, value_name = "KIND/NAME")]
    pub object: Option<String>,
    #[allow(missing_docs, reason = "a comment here would be the command's help")]
    #[command(flatten)]
    pub page: Page,
}

const VIEW: View = View { table, names: objects };

pub(super) async fn run(
    changes: Changes,
    session: &Session,
    format: Format,
) -> Result<(), Failure> {
    let call = Call::get(&["audit"])?.query("object", changes.object);
    session.ask(changes.page.of(call), format, VIEW).await
}

fn table(page: &Value) -> Result<String, Wrong> {
    let mut table = Table::new(["ID", "TIME", "ACTOR", "ADDRESS", "ACTION", "OBJECT", "OUTCOME"]);
    for entry in json::list(page, "entries")? {
        let of = |name| shown(entry.get(name));
        table.row([
            of("id"),
            of("time"),
            actor(entry),
            of("address"),
            of("action"),
            of("object"),
            of("outcome"),
        ]);
    }
    let unreadable = page.get("unreadable").map(|count| {
        format!("\nlines between these that the server cannot read: {}\n", shown(Some(count)))
    });
    Ok(format!("{table}{}{}", unreadable.unwrap_or_default(), more(page)))
}

/// Who it was: by name where there is one, else by what is known of a token.
fn actor(entry: &Value) -> String {
    let of = |name| entry.get("actor").and_then(|actor| actor.get(name));
    let kind = shown(of("kind"));
    match of("name").or_else(|| of("public_part")) {
        Some(name) => format!("{kind} {}", shown(Some(name))),
        None => kind,
    }
}

fn objects(page: &Value) -> Result<Vec<String>, Wrong> {
    each(page, "entries", "object")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_is_a_line_with_who_made_it() {
        let page = json!({"entries": [
            {"id": 12, "time": "B", "actor": {"kind": "token", "name": "ci", "public_part": "P"},
             "address": "10.0.0.1", "action": "change", "object": "client/acme", "outcome": "done",
             "before": {"rpm": 1}, "after": {"rpm": 2}},
            {"id": 9, "time": "A", "actor": {"kind": "anybody"}, "action": "create",
             "object": "client/acme", "outcome": "failed"},
        ], "next_cursor": "9", "unreadable": 2});
        assert_eq!(
            table(&page).unwrap(),
            "ID  TIME  ACTOR     ADDRESS   ACTION  OBJECT       OUTCOME\n\
             12  B     token ci  10.0.0.1  change  client/acme  done\n \
             9  A     anybody   -         create  client/acme  failed\n\n\
             lines between these that the server cannot read: 2\n\n\
             more: --cursor 9\n"
        );
        assert_eq!(objects(&page).unwrap(), ["client/acme", "client/acme"]);
    }
}
