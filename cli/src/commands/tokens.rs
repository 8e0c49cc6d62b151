//! `flowguard tokens`, where a server is asked.

use clap::{Args, Subcommand};
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

/// What is done with tokens.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum TokensCommand {
    /// Show all
    List,
    /// Show one
    Get {
        /// What names it
        #[arg(value_name = "PUBLIC_PART")]
        public_part: String,
    },
    /// Make one, and print it. The control plane's own grammar has this command.
    #[command(skip)]
    Create(CreateToken),
    /// Revoke one
    #[command(visible_alias = "delete")]
    Revoke {
        /// What names it
        #[arg(value_name = "PUBLIC_PART")]
        public_part: String,
        /// Without asking
        #[arg(long)]
        yes: bool,
    },
}

/// What a token is to be.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct CreateToken {
    /// What it is called: 1 to 64 characters of A-Z a-z 0-9 . _ : @ + = ~ -
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// Some of read, write, keys, tokens, metrics and decide, with commas between
    #[arg(long, value_name = "SCOPES")]
    pub scopes: String,
    /// From when on it is valid no more, as in 2027-01-31T12:00:00Z [default: until it is revoked]
    #[arg(long, value_name = "TIME")]
    pub expires_at: Option<String>,
}

const LIST: View = View { table: list_table, names: |all| names(all, "tokens") };
const ONE: View = View { table: one_table, names: |one| name(one, "public_part") };
const CREATED: View = View {
    table: |answer| secret(answer, "token", Kind::Token),
    names: |answer| created_name(answer),
};

pub(super) async fn run(
    command: TokensCommand,
    session: &Session,
    format: Format,
) -> Result<(), Failure> {
    match command {
        TokensCommand::List => session.ask(Call::get(&["tokens"])?, format, LIST).await,
        TokensCommand::Get { public_part } => {
            session.ask(Call::get(&["tokens", &public_part])?, format, ONE).await
        }
        TokensCommand::Create(token) => {
            let call = Call::new(Method::POST, &["tokens"])?.json(&token.body());
            session.change(call, format, CREATED).await
        }
        TokensCommand::Revoke { public_part, yes } => {
            let call = Call::delete(&["tokens", &public_part])?;
            confirm::may_delete(format!("token {public_part}"), yes).await?;
            session.change(call, format, DELETED).await
        }
    }
}

impl CreateToken {
    fn body(&self) -> Value {
        let scopes: Vec<_> = self.scopes.split(',').map(str::trim).collect();
        let mut body = json!({"name": self.name, "scopes": scopes});
        if let (Some(body), Some(at)) = (body.as_object_mut(), &self.expires_at) {
            body.insert("expires_at".to_owned(), at.as_str().into());
        }
        body
    }
}

fn list_table(all: &Value) -> Result<String, Wrong> {
    let mut table = Table::new(["TOKEN", "NAME", "SCOPES", "CREATED", "EXPIRES"]);
    for (public_part, token) in json::object(all, "tokens")? {
        let of = |name| shown(token.get(name));
        let [name, scopes, created, expires] =
            ["name", "scopes", "created_at", "expires_at"].map(of);
        table.row([public_part.clone(), name, scopes, created, expires]);
    }
    Ok(table.to_string())
}

const FIELDS: [&str; 6] =
    ["public_part", "name", "scopes", "created_at", "expires_at", "last_used_at"];

fn one_table(token: &Value) -> Result<String, Wrong> {
    credential_table(token, &FIELDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_have_commas_between() {
        let mut token = CreateToken {
            name: "ci".to_owned(),
            scopes: "read, write".to_owned(),
            expires_at: None,
        };
        assert_eq!(token.body(), json!({"name": "ci", "scopes": ["read", "write"]}));
        token.expires_at = Some("t".to_owned());
        assert_eq!(token.body()["expires_at"], "t");
    }
}
