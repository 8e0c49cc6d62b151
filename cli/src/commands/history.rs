//! `flowguard history`.

use serde_json::Value;

use super::answers::each;
use crate::{
    call::Call,
    failure::Failure,
    json::{self, Wrong, shown},
    options::Format,
    output::View,
    session::Session,
    table::Table,
};

const VIEW: View = View { table, names: times };

pub(super) async fn run(client: &str, session: &Session, format: Format) -> Result<(), Failure> {
    session.ask(Call::get(&["clients", client, "history"])?, format, VIEW).await
}

fn table(history: &Value) -> Result<String, Wrong> {
    let mut fields = Table::fields();
    for name in ["from", "oldest", "replica"] {
        fields.field(name, shown(history.get(name)));
    }
    let mut table = Table::new(["MINUTE", "REQUESTS", "REFUSED", "IN-SHADOW", "RESERVED", "USED"]);
    for point in json::list(history, "points")? {
        let of = |name| shown(point.get(name));
        table.row([
            of("time"),
            of("requests"),
            of("refused"),
            of("refused_in_shadow"),
            of("reserved"),
            of("used"),
        ]);
    }
    Ok(format!("{fields}\n{table}"))
}

fn times(history: &Value) -> Result<Vec<String>, Wrong> {
    each(history, "points", "time")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_minute_is_a_line() {
        let history = json!({
            "client_id": "acme", "replica": "host-1", "from": "F", "oldest": "O", "points": [
                {"time": "A", "requests": 12, "refused": 3, "reserved": 900, "used": 850},
                {"time": "B", "requests": 1, "refused": 0, "refused_in_shadow": 1, "reserved": 0, "used": 0},
            ]
        });
        assert_eq!(
            table(&history).unwrap(),
            "from     F\noldest   O\nreplica  host-1\n\n\
             MINUTE  REQUESTS  REFUSED  IN-SHADOW  RESERVED  USED\n\
             A             12        3          -       900   850\n\
             B              1        0          1         0     0\n"
        );
        assert_eq!(times(&history).unwrap(), ["A", "B"]);
    }
}
