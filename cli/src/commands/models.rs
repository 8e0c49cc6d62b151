//! `flowguard models`.

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::answers::{DELETED, config, names};
use crate::{
    call::Call,
    confirm,
    failure::Failure,
    json::{self, Wrong, shown},
    options::Format,
    output::View,
    session::Session,
    table::Table,
};

/// What is done with models.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ModelsCommand {
    /// Show all
    List,
    /// Show the patterns of one
    Get {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Say by which names requests mean a model
    Set {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// Names, in which * stands for any run of characters
        #[arg(value_name = "PATTERN", required = true)]
        patterns: Vec<String>,
    },
    /// Delete one
    Delete {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// Without asking
        #[arg(long)]
        yes: bool,
    },
}

const LIST: View = View { table: list_table, names: |all| names(all, "models") };
const ONE: View = View { table: patterns, names: |_| Ok(Vec::new()) };
const CHANGED: View = View { table: |answer| patterns(config(answer)?), names: |_| Ok(Vec::new()) };

pub(super) async fn run(
    command: ModelsCommand,
    session: &Session,
    format: Format,
) -> Result<(), Failure> {
    match command {
        ModelsCommand::List => session.ask(Call::get(&["models"])?, format, LIST).await,
        ModelsCommand::Get { name } => {
            session.ask(Call::get(&["models", &name])?, format, ONE).await
        }
        ModelsCommand::Set { name, patterns } => {
            let call = Call::new(Method::PUT, &["models", &name])?.json(&json!(patterns));
            session.change(call, format, CHANGED).await
        }
        ModelsCommand::Delete { name, yes } => {
            let call = Call::delete(&["models", &name])?;
            confirm::may_delete(format!("model {name}"), yes).await?;
            session.change(call, format, DELETED).await
        }
    }
}

fn list_table(all: &Value) -> Result<String, Wrong> {
    let mut table = Table::new(["MODEL", "PATTERNS"]);
    for (name, patterns) in json::object(all, "models")? {
        table.row([name.clone(), shown(Some(patterns))]);
    }
    Ok(table.to_string())
}

/// One a line.
fn patterns(model: &Value) -> Result<String, Wrong> {
    let patterns = model.as_array().ok_or_else(|| Wrong("it is no list of patterns".to_owned()))?;
    Ok(patterns.iter().map(|pattern| shown(Some(pattern)) + "\n").collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_patterns_are_told() {
        let all =
            json!({"models": {"gpt": ["gpt-4o", "gpt-4o-*"], "other-one": ["x"]}, "count": 2});
        let told = "MODEL      PATTERNS\ngpt        gpt-4o, gpt-4o-*\nother-one  x\n";
        assert_eq!(list_table(&all).unwrap(), told);
        assert_eq!(patterns(&all["models"]["gpt"]).unwrap(), "gpt-4o\ngpt-4o-*\n");
    }
}
