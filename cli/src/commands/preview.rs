//! `flowguard preview`.

use std::path::PathBuf;

use clap::Subcommand;
use http::Method;
use serde_json::{Map, Value, json};

use super::{answers::each, apply, clients::SetClient, limits, limits::SetLimit};
use crate::{
    call::Call,
    document,
    failure::{Failure, Usage},
    input,
    json::{self, Wrong, shown},
    options::Format,
    output::View,
    session::Session,
    table::Table,
};

/// What would be otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum PreviewCommand {
    /// A client, with these fields in place of its own
    Client {
        /// Its id
        #[arg(value_name = "ID")]
        id: String,
        #[allow(missing_docs, reason = "a comment here would be help")]
        #[command(flatten)]
        fields: SetClient,
    },
    /// A limit, with these fields in place of its own, or a new one
    Limit {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        #[allow(missing_docs, reason = "a comment here would be help")]
        #[command(flatten)]
        fields: SetLimit,
    },
    /// The whole configuration, as this document has it
    Config {
        /// The document, in YAML or JSON; -: stdin
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

const ONE: View = View { table, names: previewed };

pub(super) async fn run(
    command: PreviewCommand,
    session: &Session,
    format: Format,
) -> Result<(), Failure> {
    let body = match command {
        PreviewCommand::Client { id, fields } => {
            let fields = fields.read()?;
            let (mut client, _) = session.known(&["clients", &id]).await?;
            client.extend(fields);
            client.insert("client_id".to_owned(), id.into());
            json!({ "client": client })
        }
        PreviewCommand::Limit { name, fields } => {
            let fields = fields.read()?;
            let (known, _) = session.known(&["limits", &name]).await?;
            let mut limit = limits::merged(known, fields);
            limit.insert("name".to_owned(), name.into());
            json!({ "limit": limit })
        }
        PreviewCommand::Config { file } => {
            let text = input::read(&file)?;
            // It is asked about in JSON, which has no aliases and no lines.
            apply::judge(text.clone(), session).await?;
            let document = document::read(&text);
            let document = document.map_err(|reason| Usage::Document { path: file, reason })?;
            json!({ "config": document::in_json(document) })
        }
    };
    session.ask(Call::new(Method::POST, &["preview"])?.json(&body), format, ONE).await
}

fn table(preview: &Value) -> Result<String, Wrong> {
    let mut fields = Table::fields();
    for name in ["oldest", "latest"] {
        if let Some(value) = preview.get(name) {
            fields.field(name, shown(Some(value)));
        }
    }
    let cut = preview.get("cut").and_then(Value::as_bool) == Some(true);
    let decisions = shown(preview.get("decisions"));
    fields
        .field("decisions", if cut { format!("{decisions}, and more before") } else { decisions });
    for name in ["newly_refused", "newly_admitted"] {
        fields.field(name, shown(preview.get(name)));
    }

    let mut sums = Table::new(["", "REFUSED", "NEVER", "LONGEST-WAIT-MS", "TOTAL-WAIT-MS"]);
    for when in ["then", "now"] {
        let of = json::object(preview, when)?;
        let of = |name| shown(of.get(name));
        let [refused, never] = ["refused", "never"].map(of);
        sums.row([when.to_owned(), refused, never, of("longest_wait_ms"), of("total_wait_ms")]);
    }
    let mut clients = Table::new([
        "CLIENT",
        "DECISIONS",
        "REFUSED-THEN",
        "REFUSED-NOW",
        "NEWLY-REFUSED",
        "NEWLY-ADMITTED",
        "BY",
    ]);
    for client in json::list(preview, "clients")? {
        let refused = |when| {
            shown(json::object(client, when).ok().and_then(|of: &Map<_, _>| of.get("refused")))
        };
        let of = |name| shown(client.get(name));
        clients.row([
            of("client_id"),
            of("decisions"),
            refused("then"),
            refused("now"),
            of("newly_refused"),
            of("newly_admitted"),
            by(client),
        ]);
    }
    let untold =
        preview.get("untold").map(|more| format!("and {} more clients\n", shown(Some(more))));
    Ok(format!("{fields}\n{sums}\n{clients}{}", untold.unwrap_or_default()))
}

/// What would refuse it.
fn by(client: &Value) -> String {
    let limits = client.get("limits").and_then(Value::as_array).into_iter().flatten();
    let by: Vec<_> = limits
        .filter(|limit| limit.get("now").and_then(Value::as_u64).is_some_and(|now| now > 0))
        .map(|limit| format!("{} {}", shown(limit.get("name")), shown(limit.get("now"))))
        .collect();
    if by.is_empty() { "-".to_owned() } else { by.join(", ") }
}

fn previewed(preview: &Value) -> Result<Vec<String>, Wrong> {
    each(preview, "clients", "client_id")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn then_and_now_stand_one_below_the_other() {
        let refusals = |refused| json!({"refused": refused, "never": 0, "longest_wait_ms": 5, "total_wait_ms": 9});
        let preview = json!({
            "oldest": "A", "latest": "B", "decisions": 10, "cut": true, "then": refusals(1), "now": refusals(4),
            "newly_refused": 3, "newly_admitted": 0, "untold": 2, "clients": [{
                "client_id": "acme", "decisions": 10, "then": refusals(1), "now": refusals(4),
                "newly_refused": 3, "newly_admitted": 0,
                "limits": [{"name": "rpm", "then": 1, "now": 4}, {"name": "tpm", "then": 1, "now": 0}], "first": []
            }]
        });
        assert_eq!(
            table(&preview).unwrap(),
            "oldest          A\nlatest          B\ndecisions       10, and more before\n\
             newly_refused   3\nnewly_admitted  0\n\n\
             \u{20}     REFUSED  NEVER  LONGEST-WAIT-MS  TOTAL-WAIT-MS\n\
             then        1      0                5              9\n\
             now         4      0                5              9\n\n\
             CLIENT  DECISIONS  REFUSED-THEN  REFUSED-NOW  NEWLY-REFUSED  NEWLY-ADMITTED  BY\n\
             acme           10             1            4              3               0  rpm 4\n\
             and 2 more clients\n"
        );
        assert_eq!(previewed(&preview).unwrap(), ["acme"]);
    }
}
