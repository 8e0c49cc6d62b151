//! `flowguard decisions`.

use clap::Args;
use serde_json::Value;

use super::{
    answers::{each, wait},
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

/// Which decisions are meant.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct DecisionsOf {
    /// The client; unknown: all ids that nobody configured
    #[arg(value_name = "ID")]
    pub client: String,
    #[allow(missing_docs, reason = "a comment here would be the command's help")]
    #[command(flatten)]
    pub page: Page,
}

const VIEW: View = View { table, names: times };

pub(super) async fn run(of: DecisionsOf, session: &Session, format: Format) -> Result<(), Failure> {
    let call = Call::get(&["clients", &of.client, "decisions"])?;
    session.ask(of.page.of(call), format, VIEW).await
}

fn table(page: &Value) -> Result<String, Wrong> {
    let mut table = Table::new([
        "TIME",
        "VERDICT",
        "MODEL",
        "RESERVED",
        "USED",
        "DURATION-MS",
        "LIMIT",
        "WAIT-MS",
    ]);
    for decision in json::list(page, "decisions")? {
        let of = |name| shown(decision.get(name));
        let in_shadow = decision.get("shadow").and_then(Value::as_bool) == Some(true);
        let verdict = of("verdict");
        table.row([
            of("time"),
            if in_shadow { format!("{verdict} (shadow)") } else { verdict },
            of("model"),
            of("reserved"),
            of("used"),
            of("duration_ms"),
            of("limit"),
            wait(decision),
        ]);
    }
    let mut fields = Table::fields();
    fields.field("oldest", shown(page.get("oldest")));
    fields.field("replica", shown(page.get("replica")));
    Ok(format!("{fields}\n{table}{}", more(page)))
}

fn times(page: &Value) -> Result<Vec<String>, Wrong> {
    each(page, "decisions", "time")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_decision_is_a_line_and_what_is_not_known_is_a_dash() {
        let page = json!({
            "client_id": "acme", "replica": "host-1", "oldest": "O", "next_cursor": "1-2", "decisions": [
                {"time": "C", "verdict": "refused", "reserved": 900, "limit": "tpm", "never": true},
                {"time": "B", "verdict": "refused", "shadow": true, "model": "gpt", "reserved": 90,
                 "limit": "rpm", "retry_after_ms": 1_500},
                {"time": "A", "verdict": "passed", "reserved": 5, "used": 7, "duration_ms": 21},
            ]
        });
        assert_eq!(
            table(&page).unwrap(),
            "oldest   O\nreplica  host-1\n\n\
             TIME  VERDICT           MODEL  RESERVED  USED  DURATION-MS  LIMIT  WAIT-MS\n\
             C     refused           -           900     -            -  tpm    never\n\
             B     refused (shadow)  gpt          90     -            -  rpm    1500\n\
             A     passed            -             5     7           21  -      -\n\n\
             more: --cursor 1-2\n"
        );
        assert_eq!(times(&page).unwrap(), ["C", "B", "A"]);
    }
}
