//! `flowguard limits`.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value};

use super::{
    answers::{DELETED, config, name, names},
    fields::Fields,
    page::{Page, more},
};
use crate::{
    call::Call,
    confirm,
    failure::{Failure, Usage},
    json::{self, Wrong, shown},
    options::Format,
    output::View,
    session::Session,
    table::Table,
};

/// What is done with limits.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum LimitsCommand {
    /// Show all
    List,
    /// Show one
    Get {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Change the fields that are given of one, which is made where it is missing
    Set {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        #[allow(missing_docs, reason = "a comment here would be help")]
        #[command(flatten)]
        fields: SetLimit,
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
    /// Show what is left in the buckets of one
    Stats {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        #[allow(missing_docs, reason = "a comment here would be the command's help")]
        #[command(flatten)]
        page: Page,
    },
}

/// The fields of a limit.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct SetLimit {
    /// Which requests it is for: client=ID, group=GROUP, plan=PLAN or model=MODEL, once for each; "" is
    /// every request
    #[arg(long, value_name = "NAME=VALUE")]
    pub r#match: Vec<String>,
    /// For each of what it has buckets: client, group, plan or model, once for each; "" is one for all
    #[arg(long, value_name = "WORD")]
    pub each: Vec<String>,
    /// So many requests
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub requests: Option<String>,
    /// So many tokens
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub tokens: Option<String>,
    /// So many requests at a time
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub concurrent: Option<String>,
    /// In which time, as in 30s, 1m, 12h or 1d
    #[arg(long, value_name = "WINDOW")]
    pub per: Option<String>,
    /// What fits at once, or none: all of it
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub burst: Option<String>,
    /// enforce, shadow or off
    #[arg(long, value_name = "MODE")]
    pub mode: Option<String>,
    /// A second number that is decided and counted in shadow, or none
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub trial: Option<String>,
}

/// Of these a limit has one.
const MEASURES: [&str; 3] = ["requests", "tokens", "concurrent"];

impl SetLimit {
    pub(super) fn read(&self) -> Result<Map<String, Value>, Usage> {
        let mut fields = Fields::default();
        fields.pairs("--match", &self.r#match)?;
        fields.texts("--each", &self.each);
        fields.number("--requests", self.requests.as_ref())?;
        fields.number("--tokens", self.tokens.as_ref())?;
        fields.number("--concurrent", self.concurrent.as_ref())?;
        fields.text("--per", self.per.as_ref());
        fields.number("--burst", self.burst.as_ref())?;
        fields.text("--mode", self.mode.as_ref());
        fields.number("--trial", self.trial.as_ref())?;
        if fields.0.is_empty() {
            return Err(Usage::NothingToSet("--tokens 100000 --per 1h"));
        }
        Ok(fields.0)
    }
}

const LIST: View = View { table: list_table, names: limit_names };
const ONE: View = View { table: one_table, names: |one| name(one, "name") };
const CHANGED: View = View {
    table: |answer| one_table(config(answer)?),
    names: |answer| name(config(answer)?, "name"),
};
const STATS: View = View { table: stats_table, names: |one| name(one, "name") };

pub(super) async fn run(
    command: LimitsCommand,
    session: &Session,
    format: Format,
) -> Result<(), Failure> {
    match command {
        LimitsCommand::List => session.ask(Call::get(&["limits"])?, format, LIST).await,
        LimitsCommand::Get { name } => {
            session.ask(Call::get(&["limits", &name])?, format, ONE).await
        }
        LimitsCommand::Set { name, fields } => set(&name, fields.read()?, session, format).await,
        LimitsCommand::Delete { name, yes } => {
            let call = Call::delete(&["limits", &name])?;
            confirm::may_delete(format!("limit {name}"), yes).await?;
            session.change(call, format, DELETED).await
        }
        LimitsCommand::Stats { name, page } => {
            let call = Call::get(&["limits", &name, "stats"])?;
            session.ask(page.of(call), format, STATS).await
        }
    }
}

/// The API replaces a whole limit: what is not named is what it was, and what somebody else wrote in
/// between is not written over.
async fn set(
    name: &str,
    fields: Map<String, Value>,
    session: &Session,
    format: Format,
) -> Result<(), Failure> {
    let path = ["limits", name];
    let (known, tag) = session.known(&path).await?;
    let is_new = known.is_empty();
    let call = Call::new(Method::PUT, &path)?.json(&Value::Object(merged(known, fields)));
    let call = if is_new { call.if_absent() } else { call.if_match(tag) };
    session.change(call, format, CHANGED).await
}

/// A limit with other fields.
pub(super) fn merged(known: Map<String, Value>, fields: Map<String, Value>) -> Map<String, Value> {
    let mut limit = known;
    // Another measure takes the place of the one that it had.
    if MEASURES.iter().any(|measure| fields.get(*measure).is_some_and(|value| !value.is_null())) {
        limit.retain(|name, _| !MEASURES.contains(&name.as_str()));
    }
    limit.extend(fields);
    limit.retain(|_, value| !value.is_null());
    limit
}

/// In an answer limits stand by their names.
fn limit_names(all: &Value) -> Result<Vec<String>, Wrong> {
    names(all, "limits")
}

fn list_table(all: &Value) -> Result<String, Wrong> {
    let mut table =
        Table::new(["LIMIT", "MATCH", "EACH", "AMOUNT", "PER", "BURST", "MODE", "TRIAL"]);
    for (name, limit) in json::object(all, "limits")? {
        let of = |name| limit.get(name);
        table.row([
            name.clone(),
            matched(of("match")),
            shown(of("each")),
            amount(limit),
            shown(of("per")),
            shown(of("burst")),
            of("mode").map_or_else(|| "enforce".to_owned(), |mode| shown(Some(mode))),
            shown(of("trial")),
        ]);
    }
    Ok(table.to_string())
}

fn one_table(limit: &Value) -> Result<String, Wrong> {
    let mut table = Table::fields();
    table.field("name", json::text(limit, "name")?.to_owned());
    table.field("match", matched(limit.get("match")));
    for name in ["each", "requests", "tokens", "concurrent", "per", "burst", "mode", "trial"] {
        if let Some(value) = limit.get(name) {
            table.field(name, shown(Some(value)));
        }
    }
    Ok(table.to_string())
}

fn matched(value: Option<&Value>) -> String {
    match value {
        Some(Value::Object(members)) if !members.is_empty() => shown(value),
        _ => "every request".to_owned(),
    }
}

fn amount(limit: &Value) -> String {
    let of = |measure: &&str| limit.get(*measure).map(|n| format!("{} {measure}", shown(Some(n))));
    MEASURES.iter().find_map(of).unwrap_or_else(|| "-".to_owned())
}

fn stats_table(stats: &Value) -> Result<String, Wrong> {
    let mut table = Table::fields();
    for name in ["name", "measure", "limit", "trial", "refused", "would_refuse"] {
        if let Some(value) = stats.get(name) {
            table.field(name, shown(Some(value)));
        }
    }
    let mut buckets =
        Table::new(["CLIENT", "GROUP", "PLAN", "MODEL", "REMAINING", "TRIAL-REMAINING"]);
    for bucket in json::list(stats, "buckets")? {
        let of = |name| shown(bucket.get(name));
        buckets.row([
            of("client"),
            of("group"),
            of("plan"),
            of("model"),
            of("remaining"),
            of("trial_remaining"),
        ]);
    }
    Ok(format!("{table}\n{buckets}{}", more(stats)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn what_is_not_named_stays_and_another_measure_takes_the_place_of_the_one_before() {
        let known = map(&json!({"name": "a", "requests": 5, "per": "1m", "burst": 2}));
        for (fields, expected) in [
            (json!({"burst": null}), json!({"name": "a", "requests": 5, "per": "1m"})),
            (
                json!({"tokens": 9, "match": {"plan": "free"}}),
                json!({"name": "a", "tokens": 9, "per": "1m", "burst": 2, "match": {"plan": "free"}}),
            ),
            (
                json!({"mode": "off"}),
                json!({"name": "a", "requests": 5, "per": "1m", "burst": 2, "mode": "off"}),
            ),
        ] {
            assert_eq!(Value::Object(merged(known.clone(), map(&fields))), expected);
        }
    }

    #[test]
    fn limits_stand_one_below_the_other() {
        let all = json!({"limits": {
            "org": {"name": "org", "match": {"group": "acme"}, "tokens": 5000, "per": "1h"},
            "places": {"name": "places", "match": {}, "each": ["client", "model"], "concurrent": 4, "mode": "shadow"},
        }});
        assert_eq!(
            list_table(&all).unwrap(),
            "LIMIT   MATCH          EACH           AMOUNT        PER  BURST  MODE     TRIAL\n\
             org     group=acme     -              5000 tokens   1h   -      enforce  -\n\
             places  every request  client, model  4 concurrent  -    -      shadow   -\n"
        );
    }
}
