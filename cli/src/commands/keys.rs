//! `flowguard keys`.

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::answers::{DELETED, created_name, credential_table, name, names, secret};
use crate::{
    call::Call,
    confirm,
    failure::Failure,
    json::{self, Wrong, shown},
    options::Format,
    output::View,
    secret::Kind,
    session::Session,
    table::Table,
};

/// What is done with keys.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum KeysCommand {
    /// Show all keys of a client
    List {
        /// Whose they are
        #[arg(value_name = "CLIENT")]
        client: String,
    },
    /// Show one, and what came of it
    Get {
        /// Whose it is
        #[arg(value_name = "CLIENT")]
        client: String,
        /// What names it
        #[arg(value_name = "PUBLIC_PART")]
        public_part: String,
    },
    /// Make one, and print it: nobody is shown it again
    Create {
        /// Whose it is to be
        #[arg(value_name = "CLIENT")]
        client: String,
        /// From when on it is valid no more, as in 2027-01-31T12:00:00Z [default: until it is revoked]
        #[arg(long, value_name = "TIME")]
        expires_at: Option<String>,
    },
    /// Revoke one
    #[command(visible_alias = "delete")]
    Revoke {
        /// Whose it is
        #[arg(value_name = "CLIENT")]
        client: String,
        /// What names it
        #[arg(value_name = "PUBLIC_PART")]
        public_part: String,
        /// Without asking
        #[arg(long)]
        yes: bool,
    },
}

const LIST: View = View { table: list_table, names: |all| names(all, "keys") };
const ONE: View = View { table: one_table, names: |one| name(one, "public_part") };
const CREATED: View =
    View { table: |answer| secret(answer, "key", Kind::Key), names: |answer| created_name(answer) };

pub(super) async fn run(
    command: KeysCommand,
    session: &Session,
    format: Format,
) -> Result<(), Failure> {
    match command {
        KeysCommand::List { client } => {
            session.ask(Call::get(&["clients", &client, "keys"])?, format, LIST).await
        }
        KeysCommand::Get { client, public_part } => {
            session.ask(Call::get(&["clients", &client, "keys", &public_part])?, format, ONE).await
        }
        KeysCommand::Create { client, expires_at } => {
            let body = expires_at.map_or_else(|| json!({}), |at| json!({"expires_at": at}));
            let call = Call::new(Method::POST, &["clients", &client, "keys"])?.json(&body);
            session.change(call, format, CREATED).await
        }
        KeysCommand::Revoke { client, public_part, yes } => {
            let call = Call::delete(&["clients", &client, "keys", &public_part])?;
            confirm::may_delete(format!("key {public_part} of client {client}"), yes).await?;
            session.change(call, format, DELETED).await
        }
    }
}

fn list_table(all: &Value) -> Result<String, Wrong> {
    let mut table = Table::new(["KEY", "CREATED", "EXPIRES"]);
    for (public_part, key) in json::object(all, "keys")? {
        let of = |name| shown(key.get(name));
        table.row([public_part.clone(), of("created_at"), of("expires_at")]);
    }
    Ok(table.to_string())
}

const FIELDS: [&str; 9] = [
    "public_part",
    "client_id",
    "created_at",
    "expires_at",
    "last_used_at",
    "total_requests",
    "success_requests",
    "dropped_requests",
    "tokens_used",
];

fn one_table(key: &Value) -> Result<String, Wrong> {
    credential_table(key, &FIELDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_key_that_was_made_stdout_has_the_key_alone() {
        let key = "fgk_abcDEF123456_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG_1a2B3c";
        let mut answer =
            json!({"success": true, "message": "m", "key": key, "config": {"public_part": "a"}});
        assert_eq!((CREATED.table)(&answer).unwrap(), format!("{key}\n"));
        assert_eq!((CREATED.names)(&answer).unwrap(), ["a"]);
        for other in ["\u{1b}]0;OWNED\u{7}", "fgk_a_b_c", &key.replace("fgk_", "fga_"), ""] {
            answer["key"] = other.into();
            let wrong = (CREATED.table)(&answer).unwrap_err().to_string();
            assert!(wrong.starts_with("its key is none, which is fgk_, 12 "), "{wrong}");
        }
    }

    #[test]
    fn a_keys_figures_are_told_where_there_are_some() {
        let key =
            json!({"public_part": "a", "client_id": "c", "created_at": "t", "total_requests": 3});
        let told = "public_part     a\nclient_id       c\ncreated_at      t\ntotal_requests  3\n";
        assert_eq!(one_table(&key).unwrap(), told);
    }
}
