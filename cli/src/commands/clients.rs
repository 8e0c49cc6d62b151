//! `flowguard clients`.

use clap::{Args, Subcommand};
use http::{Method, StatusCode};
use serde_json::{Map, Value};

use super::{
    answers::{DELETED, config, name, names},
    fields::Fields,
    stats,
};
use crate::{
    call::Call,
    confirm,
    failure::{Failure, Usage},
    json::{self, Wrong, limit, shown},
    options::Format,
    output::View,
    session::Session,
    table::Table,
};

/// What is done with clients.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ClientsCommand {
    /// Show all
    List,
    /// Show one
    Get {
        /// Its id
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Change the fields that are given of one, which is made where it is missing
    Set {
        /// Its id
        #[arg(value_name = "ID")]
        id: String,
        #[allow(missing_docs, reason = "a comment here would be help")]
        #[command(flatten)]
        fields: SetClient,
    },
    /// Delete one
    Delete {
        /// Its id
        #[arg(value_name = "ID")]
        id: String,
        /// Without asking
        #[arg(long)]
        yes: bool,
    },
    /// Fill the buckets of one
    Reset {
        /// Its id
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// The fields of a client.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct SetClient {
    /// Requests per minute, or none
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub rpm: Option<String>,
    /// Tokens per minute, or none
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub tpm: Option<String>,
    /// Whether it is limited (true), or counted alone (false)
    #[arg(long, value_name = "BOOL")]
    pub enabled: Option<String>,
    /// The least that a request of it reserves, or none
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub min_estimate: Option<String>,
    /// The group that it is in; "" is none
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// The plan that it is on; "" is none
    #[arg(long, value_name = "PLAN")]
    pub plan: Option<String>,
    /// What its verified requests are known by, once for each; "" alone is its id
    #[arg(long, value_name = "TEXT")]
    pub identities: Vec<String>,
}

impl SetClient {
    pub(super) fn read(&self) -> Result<Map<String, Value>, Usage> {
        let mut fields = Fields::default();
        fields.number("--rpm", self.rpm.as_ref())?;
        fields.number("--tpm", self.tpm.as_ref())?;
        fields.flag("--enabled", self.enabled.as_ref())?;
        fields.number("--min-estimate", self.min_estimate.as_ref())?;
        fields.text("--group", self.group.as_ref());
        fields.text("--plan", self.plan.as_ref());
        fields.texts("--identities", &self.identities);
        if fields.0.is_empty() {
            return Err(Usage::NothingToSet("--rpm 60"));
        }
        Ok(fields.0)
    }
}

const LIST: View = View { table: list_table, names: |all| names(all, "clients") };
const ONE: View = View { table: one_table, names: |one| name(one, "client_id") };
const CHANGED: View = View {
    table: |answer| one_table(config(answer)?),
    names: |answer| name(config(answer)?, "client_id"),
};

pub(super) async fn run(
    command: ClientsCommand,
    session: &Session,
    format: Format,
) -> Result<(), Failure> {
    match command {
        ClientsCommand::List => session.ask(Call::get(&["clients"])?, format, LIST).await,
        ClientsCommand::Get { id } => session.ask(Call::get(&["clients", &id])?, format, ONE).await,
        ClientsCommand::Set { id, fields } => {
            set(&id, &fields.read()?.into(), session, format).await
        }
        ClientsCommand::Delete { id, yes } => {
            let call = Call::delete(&["clients", &id])?;
            confirm::may_delete(format!("client {id}"), yes).await?;
            session.change(call, format, DELETED).await
        }
        ClientsCommand::Reset { id } => {
            let call = Call::new(Method::POST, &["clients", &id, "reset"])?;
            session.ask(call, format, stats::ONE).await
        }
    }
}

/// What is not named stays as it is, which a `PUT` would take away; what is not there has nothing that
/// could stay, and is not written over if somebody else creates it in between.
async fn set(id: &str, fields: &Value, session: &Session, format: Format) -> Result<(), Failure> {
    let path = ["clients", id];
    match session.call(Call::new(Method::PATCH, &path)?.json(fields)).await {
        Err(Failure::Refused(refusal)) if refusal.status() == StatusCode::NOT_FOUND => {
            let call = Call::new(Method::PUT, &path)?.json(fields).if_absent();
            session.change(call, format, CHANGED).await
        }
        answer => session.show_change(format, &answer?, CHANGED),
    }
}

fn list_table(all: &Value) -> Result<String, Wrong> {
    let mut table = Table::new(["CLIENT", "RPM", "TPM", "ENABLED", "GROUP", "PLAN"]);
    for (id, client) in json::object(all, "clients")? {
        let of = |name| client.get(name);
        table.row([
            id.clone(),
            limit(of("rpm")),
            limit(of("tpm")),
            shown(of("enabled")),
            shown(of("group")),
            shown(of("plan")),
        ]);
    }
    Ok(table.to_string())
}

fn one_table(client: &Value) -> Result<String, Wrong> {
    let mut table = Table::fields();
    table.field("client_id", json::text(client, "client_id")?.to_owned());
    for name in ["rpm", "tpm"] {
        table.field(name, limit(client.get(name)));
    }
    for name in ["enabled", "min_estimate", "group", "plan", "identities"] {
        if let Some(value) = client.get(name) {
            table.field(name, shown(Some(value)));
        }
    }
    Ok(table.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn clients_stand_one_below_the_other() {
        let all = json!({"clients": {
            "acme": {"client_id": "acme", "rpm": 60, "tpm": null, "enabled": true, "group": "org/team"},
            "b": {"client_id": "b", "rpm": null, "tpm": 100_000, "enabled": false, "plan": "free"},
        }, "count": 2});
        assert_eq!(
            list_table(&all).unwrap(),
            "CLIENT   RPM     TPM  ENABLED  GROUP     PLAN\n\
             acme      60    none  true     org/team  -\n\
             b       none  100000  false    -         free\n"
        );
        assert_eq!(names(&all, "clients").unwrap(), ["acme", "b"]);
    }

    #[test]
    fn nothing_to_set_is_told() {
        let error = SetClient::default().read().unwrap_err().to_string();
        assert_eq!(error, "nothing is to be set: name a field, as in --rpm 60");
    }
}
