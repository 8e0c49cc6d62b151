//! `flowguard explain`.

use serde_json::Value;

use super::answers::{name, wait};
use crate::{
    call::Call,
    failure::{Failure, Outcome},
    json::{self, Wrong, shown},
    options::Format,
    output::View,
    session::Session,
    table::Table,
};

/// Over which request it is asked.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) client: String,
    pub(super) tokens: Option<String>,
    pub(super) model: Option<String>,
}

const ONE: View = View { table, names: |one| name(one, "client_id") };

pub(super) async fn run(
    question: Question,
    session: &Session,
    format: Format,
) -> Result<Outcome, Failure> {
    let call = Call::get(&["clients", &question.client, "explain"])?;
    let call = call.query("tokens", question.tokens).query("model", question.model);
    let answer = session.call(call).await?;
    session.show(format, &answer, ONE)?;
    let wrong = |wrong| Failure::Answer { server: session.connection.server().to_string(), wrong };
    let explanation = json::read(&answer.body).map_err(wrong)?;
    match explanation.get("would_pass").and_then(Value::as_bool) {
        Some(true) => Ok(Outcome::Done),
        Some(false) => Ok(Outcome::No),
        None => Err(wrong(Wrong("it has no would_pass".to_owned()))),
    }
}

const FIELDS: [&str; 8] = [
    "client_id",
    "configured",
    "enabled",
    "unknown_clients",
    "model",
    "tokens",
    "in_flight",
    "would_pass",
];

fn table(explanation: &Value) -> Result<String, Wrong> {
    let mut fields = Table::fields();
    for name in FIELDS {
        if let Some(value) = explanation.get(name) {
            fields.field(name, shown(Some(value)));
        }
    }
    fields.field("because", json::text(explanation, "message")?.to_owned());
    let mut limits = Table::new(["LIMIT", "AMOUNT", "MODE", "LEFT", "COVERS", "WAIT-MS", "BUCKET"]);
    for limit in json::list(explanation, "limits")? {
        let of = |name| limit.get(name);
        let name = shown(of("name"));
        let is_trial = of("trial").and_then(Value::as_bool) == Some(true);
        limits.row([
            if is_trial { format!("{name} (trial)") } else { name },
            amount(limit),
            shown(of("mode")),
            shown(of("remaining")),
            shown(of("covers")),
            wait(limit),
            bucket(limit),
        ]);
    }
    Ok(format!("{fields}\n{limits}"))
}

fn amount(limit: &Value) -> String {
    let per = limit.get("per").map(|per| format!(" per {}", shown(Some(per)))).unwrap_or_default();
    format!("{} {}{per}", shown(limit.get("limit")), shown(limit.get("measure")))
}

/// Whose bucket it is, and of what.
fn bucket(limit: &Value) -> String {
    let of = limit.get("bucket_of").map(|of| format!(" ({})", shown(Some(of)))).unwrap_or_default();
    format!("{}{}", shown(limit.get("bucket")), if of == " ()" { String::new() } else { of })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn why_stands_above_the_limits_that_apply() {
        let explanation = json!({
            "client_id": "acme", "configured": true, "enabled": true, "model": "gpt", "tokens": 900,
            "would_pass": false, "error": "tpm_exceeded", "limit": "tpm", "never": true,
            "message": "it never fits", "in_flight": 1, "limits": [
                {"name": "rpm", "measure": "requests", "limit": 60, "per": "1m", "mode": "enforce",
                 "enforced": true, "remaining": 59, "covers": true, "bucket": "own"},
                {"name": "org", "measure": "tokens", "limit": 500, "per": "1h", "mode": "shadow", "trial": true,
                 "enforced": false, "remaining": -3, "covers": false, "never": true, "bucket": "shared",
                 "bucket_of": {"group": "org"}},
            ]
        });
        assert_eq!(
            table(&explanation).unwrap(),
            "client_id   acme\nconfigured  true\nenabled     true\nmodel       gpt\n\
             tokens      900\nin_flight   1\nwould_pass  false\nbecause     it never fits\n\n\
             LIMIT        AMOUNT              MODE     LEFT  COVERS  WAIT-MS  BUCKET\n\
             rpm          60 requests per 1m  enforce    59  true    -        own\n\
             org (trial)  500 tokens per 1h   shadow     -3  false   never    shared (group=org)\n"
        );
    }
}
