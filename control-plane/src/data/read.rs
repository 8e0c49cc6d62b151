//! From a backup to a ledger, or to everything that is wrong with it.

use std::{io::BufRead, sync::Arc};

use limiter::{ClientId, UnixMillis};
use serde_json::{error::Category, value::RawValue};

use super::{
    InvalidBackup,
    credential_lines::{Behind, CredentialLines},
    rule_lines::RuleLines,
};
use crate::{
    backup::{Counts, FORMAT, FirstLine, Header, Line, Lines, LinesError},
    excerpt::Excerpt,
    ledger::{self, Ledger, ManualClock, Policy, UnknownClients, Written},
    operator::{CLIENTS_MAX, rest},
    store::state::{BucketName, Record},
};

/// The end of the year 9999.
const AT_MAX: u64 = 253_402_300_799_999;

/// What a backup says.
#[derive(Debug)]
pub struct Restored {
    /// Its clients, with what is left of their limits and what happened.
    pub ledger: Arc<Ledger>,
    /// Up to when it knows what happened.
    pub at: UnixMillis,
    /// How much it has.
    pub counts: Counts,
}

/// Reads a backup to its end. `file` is what errors call it.
pub fn read(file: &str, input: impl BufRead) -> Result<Restored, InvalidBackup> {
    let mut reader = Reader {
        ledger: empty_ledger(),
        at: UnixMillis(0),
        counts: Counts::default(),
        client: Client::None,
        rules: RuleLines::default(),
        credentials: CredentialLines::default(),
        errors: InvalidBackup::of(file),
    };
    // Behind such an error nothing can be read, but what was read is told.
    if let Err(Unreadable { line, text }) = reader.document(Lines::of(input)) {
        reader.errors.push(line, text);
    }
    let Reader { ledger, at, counts, errors, .. } = reader;
    if errors.is_empty() {
        Ok(Restored { ledger: Arc::new(ledger), at, counts })
    } else {
        Err(errors)
    }
}

/// A ledger that takes back whatever is of a configured client or of all others. Nothing is decided
/// in it.
pub(super) fn empty_ledger() -> Ledger {
    let policy = Policy { unknown_clients: UnknownClients::Allow, ..Policy::default() };
    Ledger::new(policy, ManualClock::at(UnixMillis(0)))
}

struct Reader {
    ledger: Ledger,
    at: UnixMillis,
    counts: Counts,
    /// Whose records may follow.
    client: Client,
    rules: RuleLines,
    credentials: CredentialLines,
    errors: InvalidBackup,
}

enum Client {
    None,
    Known(ClientId),
    /// The line of the client itself is wrong, and says all that there is to say.
    Wrong,
}

/// An error behind which nothing is read.
struct Unreadable {
    line: u64,
    text: String,
}

impl Reader {
    fn document<R: BufRead>(&mut self, mut lines: Lines<R>) -> Result<(), Unreadable> {
        self.header(&mut lines)?;
        loop {
            let number = lines.number() + 1;
            let stop = |text: &str| Err(Unreadable { line: number, text: text.to_owned() });
            let Some(line) = next_line(&mut lines)? else {
                return stop("the last line, {\"end\":…}, is missing: what was behind was cut off");
            };
            match parse(line) {
                Ok(Line::End(counts)) => {
                    self.rules.put_in_force(&self.ledger, &mut self.errors);
                    RuleLines::judge_clients(&self.ledger, number, &mut self.errors);
                    self.judge_end(counts, number);
                    break;
                }
                Ok(Line::Flowguard(_)) => {
                    self.errors.push(number, "this line belongs at the beginning");
                }
                Ok(Line::Limit(json)) => {
                    self.counts.limits += 1;
                    self.rules.limit(json, number, &mut self.errors);
                }
                Ok(Line::Model(json)) => {
                    self.counts.models += 1;
                    self.rules.model(json, number, &mut self.errors);
                }
                Ok(Line::Token(json)) => {
                    self.counts.tokens += 1;
                    self.credentials.token(json, number, &self.ledger, &mut self.errors);
                }
                Ok(Line::Key(json)) => {
                    self.counts.keys += 1;
                    let client = match &self.client {
                        Client::Known(client) => Some(client),
                        Client::Wrong | Client::None => None,
                    };
                    let is_wrong = matches!(self.client, Client::Wrong);
                    let behind = if is_wrong { Behind::Wrong } else { Behind::Client(client) };
                    self.credentials.key(json, number, behind, &self.ledger, &mut self.errors);
                }
                Ok(Line::Client(json)) => {
                    self.rules.put_in_force(&self.ledger, &mut self.errors);
                    if self.counts.clients == CLIENTS_MAX as u64 {
                        return stop(&format!(
                            "this is one client too many: there can be {CLIENTS_MAX}"
                        ));
                    }
                    self.counts.clients += 1;
                    self.client(json, number);
                }
                Ok(Line::Bucket(bucket)) => self.record(&Record::Bucket(bucket), number),
                Ok(Line::Tallies(tallies)) => self.record(&Record::Tallies(tallies), number),
                Ok(Line::Learned(learned)) => self.record(&Record::Learned(learned), number),
                Ok(Line::LimitTallies(of)) => self.record(&Record::LimitTallies(of), number),
                Err(text) => self.errors.push(number, text),
            }
        }
        if next_line(&mut lines)?.is_some() {
            let text = "nothing may follow the last line".to_owned();
            return Err(Unreadable { line: lines.number(), text });
        }
        Ok(())
    }

    fn header<R: BufRead>(&mut self, lines: &mut Lines<R>) -> Result<(), Unreadable> {
        let line = next_line(lines)?.unwrap_or_default();
        let stop = |text| Err(Unreadable { line: 1, text });
        let known = u64::from(FORMAT);
        match FirstLine::format(line) {
            Some(format) if (1..=known).contains(&format) => {}
            Some(format) => {
                let version = env!("CARGO_PKG_VERSION");
                return stop(format!(
                    "the backup has format {format}, and flowguard {version} reads up to format {known}: \
                     import it with the version that wrote it"
                ));
            }
            None => {
                return stop(
                    "this is no backup: one begins with {\"flowguard\":{\"format\":…".into(),
                );
            }
        }
        match parse(line) {
            Ok(Line::Flowguard(Header { at, .. })) if at > AT_MAX => {
                return stop(format!(
                    "at must be milliseconds since 1970, an integer from 0 to {AT_MAX}, got {at}"
                ));
            }
            Ok(Line::Flowguard(Header { at, .. })) => self.at = UnixMillis(at),
            Ok(_) => return stop("this is not the first line of a backup".to_owned()),
            Err(text) => return stop(text),
        }
        Ok(())
    }

    fn client(&mut self, json: &RawValue, line: u64) {
        self.client = Client::Wrong;
        let Ok(draft) = rest::read_draft(json.get()) else {
            self.errors.push(line, "client must be an object");
            return;
        };
        match draft.validate() {
            Ok(config) => {
                if self.ledger.configure(&config) == Written::Replaced {
                    let id = Excerpt::quoted(config.id.as_str());
                    self.errors.push(line, format_args!("client {id} is there twice"));
                }
                self.client = Client::Known(config.id);
            }
            Err(errors) => self.errors.push(line, errors),
        }
    }

    fn record(&mut self, record: &Record<'_>, line: u64) {
        self.counts.records += 1;
        if let Err(error) = ledger::check(record) {
            return self.errors.push(line, error);
        }
        let owner = owner(record);
        let is_expected = owner == ClientId::UNKNOWN
            || match &self.client {
                Client::Known(client) => owner == client.as_str(),
                Client::Wrong => true,
                Client::None => false,
            };
        if is_expected {
            self.ledger.restore(record);
        } else {
            let owner = Excerpt::quoted(owner);
            self.errors.push(line, format_args!("this line belongs behind that of client {owner}"));
        }
    }

    fn judge_end(&mut self, told: Counts, line: u64) {
        let found = self.counts;
        // Where lines are wrong, it is known that they do not add up.
        if told != found && self.errors.is_empty() {
            self.errors.push(
                line,
                format_args!("the lines before this one should be {told}, and are {found}"),
            );
        }
    }
}

fn next_line<R: BufRead>(lines: &mut Lines<R>) -> Result<Option<&[u8]>, Unreadable> {
    // Asked before, since the line is borrowed then.
    let line = lines.number() + 1;
    lines.next_line().map_err(|error: LinesError| Unreadable { line, text: error.to_string() })
}

fn parse(line: &[u8]) -> Result<Line<'_>, String> {
    let line = str::from_utf8(line).map_err(|_| "this is not UTF-8".to_owned())?;
    serde_json::from_str(line).map_err(|error| {
        let category = error.classify();
        let text = error.to_string();
        // Each line is a text of its own, of one line.
        let (text, place) = text.split_once(" at line 1 column ").unwrap_or((&text, "1"));
        match category {
            Category::Data => {
                format!("this is no line of a backup: {}", Excerpt::new(text))
            }
            Category::Syntax | Category::Eof | Category::Io => {
                format!("this is not JSON: {} at column {place}", Excerpt::new(text))
            }
        }
    })
}

/// Whose record it is.
fn owner<'a>(record: &Record<'a>) -> &'a str {
    match record {
        Record::Bucket(bucket) => match bucket.bucket {
            BucketName::Rpm(client) | BucketName::Tpm(client) => client,
            // One that clients share stands behind them all.
            BucketName::Limit(name) => name.client.unwrap_or(ClientId::UNKNOWN),
        },
        Record::Tallies(tallies) => tallies.client,
        Record::Learned(learned) => learned.client,
        Record::Opened(opened) => opened.client,
        Record::Forgotten(forgotten) => forgotten.client,
        Record::LimitTallies(tallies) => tallies.client,
        Record::Ended(_) | Record::LimitForgotten(_) | Record::ModelForgotten(_) => {
            ClientId::UNKNOWN
        }
    }
}
