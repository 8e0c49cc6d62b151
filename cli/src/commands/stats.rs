//! `flowguard stats`.

use serde_json::Value;

use super::answers::{name, names};
use crate::{
    call::Call,
    failure::Failure,
    json::{self, Wrong, limit, shown},
    options::Format,
    output::View,
    session::Session,
    table::Table,
};

const ALL: View = View { table: list_table, names: |all| names(all, "stats") };

/// The statistics of one client.
pub(super) const ONE: View = View { table: one_table, names: |one| name(one, "client_id") };

pub(super) async fn run(
    client: Option<&str>,
    session: &Session,
    format: Format,
) -> Result<(), Failure> {
    match client {
        None => session.ask(Call::get(&["stats"])?, format, ALL).await,
        Some(id) => session.ask(Call::get(&["clients", id, "stats"])?, format, ONE).await,
    }
}

fn list_table(all: &Value) -> Result<String, Wrong> {
    let mut table = Table::new([
        "CLIENT", "REQUESTS", "PASSED", "BY-RPM", "BY-TPM", "BY-LIMIT", "TOKENS", "RPM-LEFT",
        "TPM-LEFT", "LAST",
    ]);
    for (id, stats) in json::object(all, "stats")? {
        let of = |name| shown(stats.get(name));
        table.row([
            id.clone(),
            of("total_requests"),
            of("success_requests"),
            of("rpm_dropped"),
            of("tpm_dropped"),
            of("limit_dropped"),
            of("tokens_used"),
            limit(stats.get("rpm_remaining")),
            limit(stats.get("tpm_remaining")),
            of("last_request_time"),
        ]);
    }
    Ok(table.to_string())
}

const FIELDS: [&str; 14] = [
    "client_id",
    "total_requests",
    "success_requests",
    "dropped_requests",
    "rpm_dropped",
    "tpm_dropped",
    "limit_dropped",
    "tokens_used",
    "rpm_remaining",
    "tpm_remaining",
    "tpm_balance",
    "last_request_time",
    "avg_latency_ms",
    "learned_estimate",
];

fn one_table(stats: &Value) -> Result<String, Wrong> {
    json::text(stats, "client_id")?;
    let mut table = Table::fields();
    for name in FIELDS {
        if let Some(value) = stats.get(name) {
            let is_limit = name.ends_with("_remaining");
            table.field(name, if is_limit { limit(Some(value)) } else { shown(Some(value)) });
        }
    }
    let Some(standings) = stats.get("limits").and_then(Value::as_array) else {
        return Ok(table.to_string());
    };
    let mut limits = Table::new(["LIMIT", "MEASURE", "AMOUNT", "LEFT", "REFUSED", "WOULD-REFUSE"]);
    for standing in standings {
        let of = |name| shown(standing.get(name));
        let fields = ["name", "measure", "limit", "remaining", "refused", "would_refuse"];
        limits.row(fields.map(of));
    }
    Ok(format!("{table}\n{limits}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_limits_beside_a_clients_own_stand_below() {
        let stats = json!({
            "client_id": "a", "total_requests": 3, "rpm_remaining": null, "limits": [
                {"name": "org", "measure": "tokens", "limit": 100, "remaining": 9, "would_refuse": 0, "refused": 2}
            ]
        });
        assert_eq!(
            one_table(&stats).unwrap(),
            "client_id       a\ntotal_requests  3\nrpm_remaining   none\n\n\
             LIMIT  MEASURE  AMOUNT  LEFT  REFUSED  WOULD-REFUSE\n\
             org    tokens      100     9        2             0\n"
        );
    }
}
