//! A backup as it is written: a few clients at a time, each as it stands when its turn comes.

use std::{mem, slice, sync::Arc};

use limiter::{ClientId, UnixMillis};
use serde::Serialize;

use super::{Counts, FORMAT, Header, Line};
use crate::{
    clients::{CLIENTS_AT_A_TIME, ClientConfig, ClientJson},
    credentials::{KeyJson, Keys, TokenJson},
    ledger::Ledger,
    limits::{LimitJson, Patterns},
    store::{
        shared::Unavailable,
        state::{Record, Tallies},
    },
};

/// The backup of a ledger.
#[derive(Debug)]
pub struct Document {
    ledger: Arc<Ledger>,
    at: UnixMillis,
    next: Part,
    counts: Counts,
}

/// What comes next.
#[derive(Debug)]
enum Part {
    Header,
    Rules,
    ClientsAfter(Option<ClientId>),
    Unknown,
    Nothing,
}

/// Whether there is more to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is.
    More,
    /// These lines were the last.
    End,
}

/// A line with something that is configured, as it is written.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum ConfigLine<'a> {
    Client(ClientJson<'a>),
    Limit(LimitJson<'a>),
    Model(ModelJson<'a>),
    Token(TokenJson<'a>),
    Key(KeyJson<'a>),
}

#[derive(Serialize)]
struct ModelJson<'a> {
    name: &'a str,
    patterns: &'a Patterns,
}

/// Whose figures are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WhichTallies {
    All,
    OfWhoeverAsked,
}

/// What stands in the document of one client, and how many records that are.
struct Written {
    id: ClientId,
    lines: String,
    keys: u64,
    records: u64,
}

impl Document {
    /// Begins the backup of `ledger`, as it stands from `at` on.
    pub fn of(ledger: Arc<Ledger>, at: UnixMillis) -> Self {
        Self { ledger, at, next: Part::Header, counts: Counts::default() }
    }

    /// Where others share the limits: brings what the next few lines tell up to date.
    pub async fn refresh(&self) -> Result<(), Unavailable> {
        if !self.ledger.is_shared() {
            return Ok(());
        }
        match &self.next {
            Part::Header | Part::Rules | Part::Nothing => Ok(()),
            Part::ClientsAfter(after) => {
                let next = self.ledger.configs_after(after.as_ref(), CLIENTS_AT_A_TIME);
                let next: Vec<_> = next.into_iter().map(|config| config.id).collect();
                self.ledger.refresh(&next).await
            }
            Part::Unknown => self.ledger.refresh(&[ClientId::unknown()]).await,
        }
    }

    /// Adds the next few lines to `text`.
    pub fn write(&mut self, text: &mut String) -> Step {
        self.next = match mem::replace(&mut self.next, Part::Nothing) {
            Part::Header => {
                let version = env!("CARGO_PKG_VERSION").to_owned();
                push(text, &Line::Flowguard(Header { format: FORMAT, version, at: self.at.0 }));
                Part::Rules
            }
            Part::Rules => {
                self.write_rules(text);
                Part::ClientsAfter(None)
            }
            Part::ClientsAfter(after) => self.write_clients(after.as_ref(), text),
            Part::Unknown => {
                let what = self.tallies();
                let records = self.ledger.recorded_unknown(|records| push_all(text, records, what));
                self.counts.records += records.unwrap_or(0);
                let counts = &mut self.counts;
                self.ledger.recorded_shared(|record| {
                    counts.records += push_all(text, slice::from_ref(record), what);
                });
                push(text, &Line::End(self.counts));
                Part::Nothing
            }
            Part::Nothing => Part::Nothing,
        };
        match self.next {
            Part::Nothing => Step::End,
            _ => Step::More,
        }
    }

    /// What it has so far; all of it, once the last lines are written.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What is told is read of everybody where others share the limits.
    fn tallies(&self) -> WhichTallies {
        if self.ledger.is_shared() { WhichTallies::OfWhoeverAsked } else { WhichTallies::All }
    }

    /// Models come before the limits that name them.
    fn write_rules(&mut self, text: &mut String) {
        for (name, patterns) in self.ledger.models().iter() {
            push(text, &ConfigLine::Model(ModelJson { name: name.as_str(), patterns }));
            self.counts.models += 1;
        }
        for limit in &self.ledger.limits() {
            push(text, &ConfigLine::Limit(limit.into()));
            self.counts.limits += 1;
        }
        for (token, _) in &self.ledger.tokens().all() {
            push(text, &ConfigLine::Token(TokenJson::whole(token)));
            self.counts.tokens += 1;
        }
    }

    fn write_clients(&mut self, after: Option<&ClientId>, text: &mut String) -> Part {
        let what = self.tallies();
        let write = |config: &ClientConfig, records: &[Record<'_>]| {
            write_client(config, self.ledger.keys(), records, what)
        };
        let written = self.ledger.recorded_after(after, CLIENTS_AT_A_TIME, write);
        for Written { lines, keys, records, .. } in &written {
            text.push_str(lines);
            self.counts.clients += 1;
            self.counts.keys += keys;
            self.counts.records += records;
        }
        match written.into_iter().next_back() {
            Some(last) => Part::ClientsAfter(Some(last.id)),
            None => Part::Unknown,
        }
    }
}

/// A client, its keys and its records.
fn write_client(
    config: &ClientConfig,
    keys: &Keys,
    records: &[Record<'_>],
    what: WhichTallies,
) -> Written {
    let mut lines = String::new();
    push(&mut lines, &ConfigLine::Client(config.into()));
    let mut count = 0;
    for (key, _) in &keys.of(config.id.as_str()) {
        push(&mut lines, &ConfigLine::Key(KeyJson::whole(key)));
        count += 1;
    }
    let records = push_all(&mut lines, records, what);
    Written { id: config.id.clone(), lines, keys: count, records }
}

/// Adds a line for each record that is in a backup, and tells how many.
fn push_all(text: &mut String, records: &[Record<'_>], what: WhichTallies) -> u64 {
    let mut count = 0;
    for record in records {
        match record {
            Record::Tallies(of)
                if of.tallies == Tallies::default() && what == WhichTallies::OfWhoeverAsked => {}
            Record::Bucket(_)
            | Record::Tallies(_)
            | Record::Learned(_)
            | Record::LimitTallies(_) => {
                push(text, record);
                count += 1;
            }
            Record::Opened(_)
            | Record::Ended(_)
            | Record::Forgotten(_)
            | Record::LimitForgotten(_)
            | Record::ModelForgotten(_) => {}
        }
    }
    count
}

fn push(text: &mut String, line: &impl Serialize) {
    #[expect(clippy::expect_used, reason = "no line has a map whose keys are no texts")]
    text.push_str(&serde_json::to_string(line).expect("a line is JSON"));
    text.push('\n');
}
