//! `flowguard system`.

use serde_json::Value;

use super::answers::name;
use crate::{
    call::Call,
    failure::Failure,
    json::{self, Wrong, shown},
    options::Format,
    output::View,
    session::Session,
    table::Table,
};

const VIEW: View = View { table, names: |system| name(system, "replica") };

pub(super) async fn run(session: &Session, format: Format) -> Result<(), Failure> {
    session.ask(Call::get(&["system"])?, format, VIEW).await
}

/// What is told first, and what after the store.
const FIELDS: [&[&str]; 2] = [
    &["replica", "version", "started", "status"],
    &["replicas", "clients", "limits", "models", "open_requests", "event_listeners"],
];

/// Numbers by their names.
const COUNTED: [(&str, &str); 3] =
    [("decisions", "DECISION"), ("ends", "END"), ("failures", "FAILURE")];

fn table(system: &Value) -> Result<String, Wrong> {
    let mut fields = Table::fields();
    let [first, last] = FIELDS;
    for name in first {
        fields.field(name, shown(system.get(*name)));
    }
    for reason in system.get("reasons").and_then(Value::as_array).into_iter().flatten() {
        fields.field("because", shown(Some(reason)));
    }
    fields.field("store", store(system)?);
    for name in last {
        fields.field(name, shown(system.get(*name)));
    }
    if let Ok(kept) = json::object(system, "decisions_kept") {
        let of = |name| shown(kept.get(name));
        let [count, limit, oldest] = ["count", "limit", "oldest"].map(of);
        fields.field("decisions_kept", format!("{count} of {limit}, since {oldest}"));
    }
    let mut text = fields.to_string();
    text.push_str(&workers(system)?);
    for (name, title) in COUNTED {
        text.push_str(&counted(system, name, title)?);
    }
    let mut settings = Table::new(["SETTING", "VALUE"]);
    for (name, value) in json::object(system, "settings")? {
        settings.row([name.clone(), shown(Some(value))]);
    }
    Ok(format!("{text}\n{settings}"))
}

fn store(system: &Value) -> Result<String, Wrong> {
    let store = json::object(system, "store")?;
    let mut told = shown(store.get("kind"));
    for (name, before) in [("data_dir", " "), ("state", ", "), ("since", " since ")] {
        if let Some(value) = store.get(name) {
            told.push_str(before);
            told.push_str(&shown(Some(value)));
        }
    }
    Ok(told)
}

fn workers(system: &Value) -> Result<String, Wrong> {
    let workers = json::list(system, "workers")?;
    if workers.is_empty() {
        return Ok("\nno worker has a stream\n".to_owned());
    }
    let mut table =
        Table::new(["WORKER", "NODE", "MODE", "VERSION", "IDENTITY", "SINCE", "IN-FLIGHT"]);
    for worker in workers {
        let of = |name| shown(worker.get(name));
        table.row([
            of("worker"),
            of("node"),
            of("mode"),
            of("version"),
            of("identity"),
            of("since"),
            of("in_flight"),
        ]);
    }
    Ok(format!("\n{table}"))
}

/// Those that there were.
fn counted(system: &Value, name: &str, title: &'static str) -> Result<String, Wrong> {
    let mut table = Table::new([title, "COUNT"]);
    let mut is_empty = true;
    for (name, count) in json::object(system, name)? {
        if count.as_u64() != Some(0) {
            table.row([name.clone(), shown(Some(count))]);
            is_empty = false;
        }
    }
    Ok(if is_empty { String::new() } else { format!("\n{table}") })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn how_it_is_stands_above_what_it_is_connected_to() {
        let system = json!({
            "service": "flowguard", "version": "1.2.3", "replica": "host-1", "time": "N", "started": "S",
            "status": "degraded", "reasons": ["a disk is full"],
            "store": {"kind": "data_dir", "data_dir": "/data", "state": "away", "since": "W"},
            "replicas": 1, "clients": 3, "limits": 0, "models": 2, "open_requests": 7,
            "workers": [{"worker": "0a1b2c3d", "node": "envoy", "mode": "enforce", "version": "1.2.3",
                         "identity": "header", "since": "T", "in_flight": 7}],
            "decisions": {"admitted": 12, "rpm_exceeded": 0}, "ends": {"completed": 5},
            "failures": {"auth_refused": 0},
            "decisions_kept": {"count": 12, "limit": 1000, "oldest": "O"},
            "event_listeners": 0, "settings": {"RETRY_AFTER": "exact"},
        });
        assert_eq!(
            table(&system).unwrap(),
            "replica          host-1\nversion          1.2.3\nstarted          S\n\
             status           degraded\nbecause          a disk is full\n\
             store            data_dir /data, away since W\nreplicas         1\nclients          3\n\
             limits           0\nmodels           2\nopen_requests    7\nevent_listeners  0\n\
             decisions_kept   12 of 1000, since O\n\n\
             WORKER    NODE   MODE     VERSION  IDENTITY  SINCE  IN-FLIGHT\n\
             0a1b2c3d  envoy  enforce  1.2.3    header    T              7\n\n\
             DECISION  COUNT\nadmitted     12\n\n\
             END        COUNT\ncompleted      5\n\n\
             SETTING      VALUE\nRETRY_AFTER  exact\n"
        );
    }

    #[test]
    fn a_system_without_workers_says_so() {
        let system = json!({
            "replica": "host-1", "store": {"kind": "memory"}, "workers": [], "decisions": {}, "ends": {},
            "failures": {}, "settings": {},
        });
        let told = table(&system).unwrap();
        assert!(told.contains("store            memory\n"), "{told}");
        assert!(told.contains("\nno worker has a stream\n"), "{told}");
    }
}
