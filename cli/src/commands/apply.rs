//! `flowguard apply`.

use std::path::Path;

use http::Method;
use serde_json::Value;

use crate::{
    call::Call,
    confirm,
    failure::Failure,
    input,
    json::{self, Wrong},
    options::Format,
    output::{View, warn},
    session::Session,
    table::Table,
};

/// How it is applied.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    pub(super) dry_run: bool,
    pub(super) yes: bool,
    pub(super) format: Format,
}

const CHANGES: View = View { table, names: changed };

/// What is done to things, as the API's answer and a table say it.
const DONE: [&str; 3] = ["created", "replaced", "deleted"];

pub(super) async fn run(file: &Path, how: How, session: &Session) -> Result<(), Failure> {
    let document = input::read(file)?;
    if how.dry_run {
        return session.change(call(document, true)?, how.format, CHANGES).await;
    }
    let mut tag = None;
    if !how.yes {
        // What is asked about is what is then done: the tag says whether somebody wrote in between.
        tag = session.call(Call::get(&["config"])?).await?.etag;
        let told = session.call(call(document.clone(), true)?.if_match(tag.clone())).await?;
        let wrong =
            |wrong| Failure::Answer { server: session.connection.server().to_string(), wrong };
        let told = json::read(&told.body).map_err(wrong)?;
        let deleted = deleted(&told).map_err(wrong)?;
        if !deleted.is_empty() {
            confirm::may_delete(summary(&deleted), false).await?;
        }
    }
    session.change(call(document, false)?.if_match(tag), how.format, CHANGES).await
}

/// Lets the server judge a document as if it were to be put in force. Somebody who may only read is told
/// that it was not; whoever compares what a file owns is told that it could not be applied.
pub(super) async fn judge(document: Vec<u8>, session: &Session) -> Result<(), Failure> {
    match session.call(call(document, true)?).await {
        Err(Failure::Refused(refusal)) if refusal.is("insufficient_scope") => {
            warn(&format!("the server did not judge the document: {refusal}"));
            Ok(())
        }
        Err(Failure::Refused(refusal)) if refusal.is("managed_by_file") => {
            warn(&format!("the server would not take the document: {refusal}"));
            Ok(())
        }
        answer => answer.map(|_| ()),
    }
}

fn call(document: Vec<u8>, dry_run: bool) -> Result<Call, Failure> {
    let call = Call::new(Method::PUT, &["config"])?.body("application/yaml", document);
    Ok(call.query("dry_run", dry_run.then_some("true")))
}

/// Everything under one of the three, as `KIND NAME`.
fn things(answer: &Value, done: &str) -> Result<Vec<(String, String)>, Wrong> {
    let mut things = Vec::new();
    for (section, names) in json::object(answer, done)? {
        let kind = section.strip_suffix('s').unwrap_or(section);
        let names = names.as_array().into_iter().flatten();
        let names = names.filter_map(Value::as_str);
        things.extend(names.map(|name| (kind.to_owned(), name.to_owned())));
    }
    Ok(things)
}

fn deleted(answer: &Value) -> Result<Vec<String>, Wrong> {
    let things = things(answer, "deleted")?;
    Ok(things.into_iter().map(|(kind, name)| format!("{kind} {name}")).collect())
}

/// The first few, and how many more.
fn summary(deleted: &[String]) -> String {
    const SHOWN: usize = 10;
    let mut text = deleted.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if deleted.len() > SHOWN {
        text = format!("{text} and {} more", deleted.len() - SHOWN);
    }
    text
}

fn table(answer: &Value) -> Result<String, Wrong> {
    let mut table = Table::fields();
    for done in DONE {
        for (kind, name) in things(answer, done)? {
            table.row([done.to_owned(), kind, name]);
        }
    }
    let untold = answer.get("untold").and_then(Value::as_u64).unwrap_or_default();
    let more = if untold > 0 { format!("and {untold} more\n") } else { String::new() };
    Ok(format!("{table}{more}"))
}

fn changed(answer: &Value) -> Result<Vec<String>, Wrong> {
    let mut names = Vec::new();
    for done in DONE {
        names
            .extend(things(answer, done)?.into_iter().map(|(kind, name)| format!("{kind}/{name}")));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_done_is_told_a_line_each() {
        let answer = json!({
            "created": {"clients": ["a"], "limits": [], "models": []},
            "replaced": {"clients": [], "limits": ["org"], "models": []},
            "deleted": {"clients": ["b"], "limits": [], "models": ["m"], "keys": ["k"]},
            "untold": 2
        });
        assert_eq!(
            table(&answer).unwrap(),
            "created   client  a\nreplaced  limit   org\ndeleted   client  b\n\
             deleted   key     k\ndeleted   model   m\nand 2 more\n"
        );
        assert_eq!(deleted(&answer).unwrap(), ["client b", "key k", "model m"]);
        assert_eq!(
            changed(&answer).unwrap(),
            ["client/a", "limit/org", "client/b", "key/k", "model/m"]
        );
    }

    #[test]
    fn a_question_has_ten_names_at_most() {
        let names: Vec<_> = (0..12).map(|n| format!("client {n}")).collect();
        assert!(summary(&names).ends_with("client 8, client 9 and 2 more"));
        assert_eq!(summary(&names[..2]), "client 0, client 1");
    }
}
