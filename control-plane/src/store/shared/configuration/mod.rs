//! The configuration that control planes share: rows, each with the revision of its last write, and
//! what moved and was removed in the order of these.
//!
//! A revision is a time of the store in milliseconds, or one more than the one before, so that it also
//! says since when something is in force. Whoever asks what was written since gets it whole: nothing
//! is announced, and so nothing can be lost.

mod row;

use std::{collections::BTreeMap, fmt::Display, sync::Arc, time::Duration};

use async_trait::async_trait;
use dashmap::DashMap;
use foldhash::fast::RandomState;
use parking_lot::Mutex;
use rand::random;
use smallvec::SmallVec;
use tokio::time::{Instant, sleep};

use self::row::ReadRow;
use self::row::UnreadableRow;
use super::{
    Exact, Lineage, Link,
    client::{Client, Failure, Found, Server, SmallScript},
    keys::{FORGOTTEN_KEY, IMPORT_KEY, MOVED_KEY, REMOVED_KEY, REVISION_KEY, ROWS_KEY, TURN_KEY},
    lineage::exact,
};
use crate::{
    clients::{ClientConfig, Revision},
    store::{ConfigStore, Contents, Edit, Lost, StoreError, WrittenSince},
};

/// How many rows are told one by one to whoever asks what was written.
const TOLD_MAX: u32 = 10_000;

/// How many names of removed rows are kept.
const REMOVED_KEPT: u32 = 100_000;

/// How many rows one write takes: the store answers nobody else meanwhile.
const EDITS_MAX: usize = 100_000;

/// How many rows are asked for at a time when all are read.
const ROWS_AT_A_TIME: u32 = 1_000;

/// For how long a turn is somebody's that does not end it.
const TURN: Duration = Duration::from_secs(10);

/// For how long a turn is waited for.
const TURN_WAIT: Duration = Duration::from_secs(15);

/// How long to wait until a turn that is another's is asked for again.
const TURN_RETRY: Duration = Duration::from_millis(5);

/// A configuration that several processes share.
#[derive(Debug)]
pub struct SharedConfiguration {
    link: Link,
    scripts: Scripts,
    lineages: DashMap<Box<[u8]>, Lineage, RandomState>,
    turn: Mutex<Option<Turn>>,
    /// The token of the import that this process makes; while another one does nobody writes.
    import: Vec<u8>,
    read_from: Mutex<ReadFrom>,
}

/// Whom what is known was read from.
#[derive(Debug, Default)]
struct ReadFrom {
    /// The number of the connection.
    connection: u64,
    server: Option<Server>,
}

/// What is written of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// All of it.
    Stored,
    /// All of it, and nothing is spent of it from now on.
    Anew,
    /// Its lineage alone, where that is another one now.
    Declared,
}

/// This process' turn to write.
#[derive(Clone, Debug)]
struct Turn {
    token: Vec<u8>,
    known: Revision,
    began: Revision,
}

#[derive(Debug)]
struct Scripts {
    since: SmallScript,
    begin: SmallScript,
    write: SmallScript,
    end: SmallScript,
    lost: SmallScript,
}

/// Why the store's configuration cannot be used.
#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Call(#[from] Failure),
    #[error(transparent)]
    Row(#[from] UnreadableRow),
    #[error("it answered something else than what was asked for")]
    Answer,
    #[error("another control plane has been writing for {} seconds", TURN_WAIT.as_secs())]
    Turn,
    #[error("another control plane wrote at the same time")]
    Lost,
    #[error("an import into it is not finished: import once more, or choose another STORE_PREFIX")]
    Importing,
    #[error("one write changes at most {EDITS_MAX} things, not {0}: make it in parts")]
    TooMuch(usize),
}

impl From<Cause> for StoreError {
    fn from(cause: Cause) -> Self {
        Self::Unavailable(Box::new(cause))
    }
}

impl SharedConfiguration {
    /// The configuration in the store of this link.
    pub fn new(link: Link) -> Self {
        let scripts = Scripts {
            since: SmallScript::new(include_str!("since.lua")),
            begin: SmallScript::new(include_str!("begin.lua")),
            write: SmallScript::new(include_str!("write.lua")),
            end: SmallScript::new(include_str!("end.lua")),
            lost: SmallScript::new(include_str!("lost.lua")),
        };
        Self {
            link,
            scripts,
            lineages: DashMap::default(),
            turn: Mutex::default(),
            import: Vec::new(),
            read_from: Mutex::default(),
        }
    }

    /// The same for the one process that may write until an import of this token is finished.
    pub(super) fn of_import(link: Link, token: Vec<u8>) -> Self {
        Self { import: token, ..Self::new(link) }
    }

    /// Since when a client's buckets are its own, and its numbers what they are.
    pub fn lineage_of_client(&self, id: &str) -> Option<Lineage> {
        self.lineage(b'c', id)
    }

    /// The same of a limit.
    pub fn lineage_of_limit(&self, name: &str) -> Option<Lineage> {
        self.lineage(b'l', name)
    }

    /// The same of a model.
    pub fn lineage_of_model(&self, name: &str) -> Option<Lineage> {
        self.lineage(b'm', name)
    }

    fn lineage(&self, letter: u8, name: &str) -> Option<Lineage> {
        let mut key = SmallVec::<[u8; 80]>::new();
        key.push(letter);
        key.extend_from_slice(name.as_bytes());
        self.lineages.get(&*key).map(|lineage| *lineage)
    }

    /// Runs a script, over another connection from now on where this one failed.
    async fn run(
        &self,
        script: &SmallScript,
        keys: &[&str],
        arguments: &[Vec<u8>],
    ) -> Result<Found, Failure> {
        let run = async |client: Client| client.run_script(script, keys, arguments).await;
        let found = self.link.ask(run).await;
        // It may have been in the middle of a write: what comes is asked over another connection.
        if found.as_ref().is_err_and(Failure::may_have_happened) {
            self.link.has_broken().await;
        }
        found
    }

    /// Who answers, where it is another one than whom all was read from, or one that lost something: there
    /// what is known may never have been written, however new the revision is.
    async fn other_server(&self) -> Result<Option<ReadFrom>, Failure> {
        let (_, connection) = self.link.numbered().await?;
        if self.read_from.lock().connection == connection {
            return Ok(None);
        }
        let server = self.link.ask(async |client: Client| client.server().await).await?;
        let read_from = &mut *self.read_from.lock();
        let is_other =
            read_from.server.as_ref().is_none_or(|before| server.may_have_lost_what(before));
        let now = ReadFrom { connection, server: Some(server) };
        if is_other {
            return Ok(Some(now));
        }
        *read_from = now;
        Ok(None)
    }

    async fn since(&self, known: Revision) -> Result<WrittenSince, Cause> {
        if let Some(other) = self.other_server().await? {
            let contents = self.everything_since(known).await?;
            *self.read_from.lock() = other;
            return Ok(WrittenSince::Everything(contents));
        }
        self.written_after(known).await
    }

    async fn written_after(&self, known: Revision) -> Result<WrittenSince, Cause> {
        let keys = [REVISION_KEY, ROWS_KEY, MOVED_KEY, REMOVED_KEY, FORGOTTEN_KEY];
        let arguments = [text(known.get()), text(TOLD_MAX), text(self.lineages.len())];
        let found = self.run(&self.scripts.since, &keys, &arguments).await?;
        let mut answer = found.into_list().ok_or(Cause::Answer)?.into_iter();
        let newest = answer.next().and_then(revision_of).ok_or(Cause::Answer)?;
        let Some(is_all) = answer.next() else { return Ok(WrittenSince::Nothing) };
        if is_all.into_integer() == Some(1) {
            return Ok(WrittenSince::Everything(self.everything_since(known).await?));
        }
        let mut lists = answer.map(Found::into_list);
        let moved = lists.next().flatten().ok_or(Cause::Answer)?;
        let removed = lists.next().flatten().ok_or(Cause::Answer)?;
        let mut edits = Vec::with_capacity(moved.len() / 2 + removed.len() / 2);
        let mut removed = removed.into_iter();
        while let (Some(name), Some(at)) = (removed.next(), removed.next()) {
            let name = name.into_bytes().ok_or(Cause::Answer)?;
            self.lineages.remove(&*name);
            edits.push((row::removal(&name)?, revision_of(at).ok_or(Cause::Answer)?));
        }
        let mut moved = moved.into_iter();
        while let (Some(name), Some(bytes)) = (moved.next(), moved.next()) {
            let name = name.into_bytes().ok_or(Cause::Answer)?;
            if bytes == Found::Nothing {
                // It was written and is not there, and nobody who writes removed it.
                return Ok(WrittenSince::Everything(self.everything_since(known).await?));
            }
            let bytes = bytes.into_bytes().ok_or(Cause::Answer)?;
            let ReadRow { lineage, edit } = row::read(&name, &bytes)?;
            self.lineages.insert(name.into(), lineage);
            edits.extend(edit);
        }
        Ok(WrittenSince::Edits { edits, newest })
    }

    /// All rows, and how many of those that were known are gone though nobody removed them.
    async fn everything_since(&self, known: Revision) -> Result<Contents, Cause> {
        let before: Vec<_> = self.lineages.iter().map(|row| row.key().clone()).collect();
        let contents = Box::pin(self.read_everything()).await?;
        let mut gone = before;
        gone.retain(|name| !self.lineages.contains_key(name));
        let lost = self.lost(&gone, known).await?;
        Ok(Contents { lost, ..contents })
    }

    /// How many of these rows were not removed by a write after `known`. Where that is not known any more they
    /// were.
    async fn lost(&self, gone: &[Box<[u8]>], known: Revision) -> Result<Lost, Cause> {
        let mut lost = Lost::default();
        if gone.is_empty() {
            return Ok(lost);
        }
        let mut arguments = vec![text(known.get())];
        arguments.extend(gone.iter().map(|name| name.to_vec()));
        let found = self.run(&self.scripts.lost, &[REMOVED_KEY, FORGOTTEN_KEY], &arguments).await?;
        for name in found.into_list().ok_or(Cause::Answer)? {
            row::count_lost(&mut lost, &name.into_bytes().ok_or(Cause::Answer)?);
        }
        Ok(lost)
    }

    /// All rows. What is written while they are read is asked for after.
    async fn read_everything(&self) -> Result<Contents, Cause> {
        // Of one server from the first to the last: where one was goes on at no other.
        let client = self.link.client().await?;
        let known = self.newest().await?;
        let mut all = BTreeMap::new();
        let mut lineages = Vec::new();
        let mut cursor = 0;
        loop {
            let scan = async |_| client.scan_hash(ROWS_KEY, cursor, ROWS_AT_A_TIME).await;
            let (next, fields) = self.link.ask(scan).await?;
            for (name, bytes) in fields {
                let ReadRow { lineage, edit } = row::read(&name, &bytes)?;
                lineages.push((name.clone(), lineage));
                all.extend(edit.map(|edit| (name, edit)));
            }
            if next == 0 {
                break;
            }
            cursor = next;
        }
        self.lineages.clear();
        for (name, lineage) in lineages {
            self.lineages.insert(name.into(), lineage);
        }
        let mut newest = known;
        match Box::pin(self.written_after(known)).await? {
            WrittenSince::Nothing => {}
            WrittenSince::Everything(contents) => return Ok(contents),
            WrittenSince::Edits { edits, newest: later } => {
                newest = later;
                for (edit, at) in edits {
                    all.insert(row::name_of(&edit), (edit, at));
                }
            }
        }
        let mut contents = Contents { newest, ..Contents::default() };
        for (edit, at) in all.into_values() {
            row::put(&mut contents, edit, at);
        }
        Ok(contents)
    }

    /// The revision of the last write.
    async fn newest(&self) -> Result<Revision, Cause> {
        // No write has this revision.
        let keys = [REVISION_KEY, ROWS_KEY, MOVED_KEY, REMOVED_KEY, FORGOTTEN_KEY];
        let arguments = [b"-".to_vec(), text(0), text(0)];
        let found = self.run(&self.scripts.since, &keys, &arguments).await?;
        let mut answer = found.into_list().ok_or(Cause::Answer)?.into_iter();
        answer.next().and_then(revision_of).ok_or(Cause::Answer)
    }

    async fn begin(&self, known: Revision) -> Result<WrittenSince, Cause> {
        let token = random::<u128>().to_be_bytes().to_vec();
        let until = Instant::now() + TURN_WAIT;
        let turn_ms = text(TURN.as_millis());
        let began = loop {
            let arguments = [token.clone(), turn_ms.clone(), self.import.clone()];
            let keys = [TURN_KEY, IMPORT_KEY];
            let found = self.run(&self.scripts.begin, &keys, &arguments).await?;
            if found == Found::Nothing {
                return Err(Cause::Importing);
            }
            match found.into_integer().ok_or(Cause::Answer)? {
                now @ 0.. => break Revision::new(now.unsigned_abs()),
                _ if Instant::now() >= until => return Err(Cause::Turn),
                #[expect(
                    clippy::disallowed_methods,
                    reason = "the other one's end is not announced"
                )]
                _ => sleep(TURN_RETRY).await,
            }
        };
        let others = self.since(known).await?;
        let known = match &others {
            WrittenSince::Nothing => known,
            WrittenSince::Edits { newest, .. } => *newest,
            WrittenSince::Everything(contents) => contents.newest,
        };
        *self.turn.lock() = Some(Turn { token, known, began });
        Ok(others)
    }

    async fn put(&self, edits: &[Edit], how: How) -> Result<Revision, Cause> {
        if edits.len() > EDITS_MAX {
            return Err(Cause::TooMuch(edits.len()));
        }
        let turn = self.turn.lock().clone().ok_or(Cause::Lost)?;
        let revision = Revision::new(turn.began.get().max(turn.known.get() + 1));
        let keys = [TURN_KEY, REVISION_KEY, ROWS_KEY, MOVED_KEY, REMOVED_KEY, FORGOTTEN_KEY];
        let mut arguments = vec![
            turn.token.clone(),
            text(turn.known.get()),
            text(revision.get()),
            text(REMOVED_KEPT),
        ];
        // Of several edits of one thing the last one holds, on top of those before it.
        let mut written: BTreeMap<Vec<u8>, Option<Lineage>> = BTreeMap::new();
        for edit in edits {
            let name = row::name_of(edit);
            let before = match written.get(&name) {
                Some(before) => *before,
                None => self.lineages.get(&*name).map(|lineage| *lineage),
            };
            let lineage = row::lineage_of(edit, before.as_ref(), revision);
            let lineage = lineage.map(|lineage| match how {
                How::Anew => lineage.anew(exact(revision)),
                How::Stored | How::Declared => lineage,
            });
            if how == How::Declared && lineage == before {
                continue;
            }
            let stored = (how != How::Declared).then_some((edit, revision));
            let bytes = lineage.map(|lineage| row::row_of(&lineage, stored)).unwrap_or_default();
            written.insert(name.clone(), lineage);
            arguments.extend([name, bytes]);
        }
        if written.is_empty() {
            return Ok(turn.known);
        }
        let found = self.run(&self.scripts.write, &keys, &arguments).await?;
        if found.into_integer() != Some(1) {
            return Err(Cause::Lost);
        }
        for (name, lineage) in written {
            match lineage {
                Some(lineage) => {
                    self.lineages.insert(name.into(), lineage);
                }
                None => {
                    self.lineages.remove(&*name);
                }
            }
        }
        if let Some(turn) = &mut *self.turn.lock() {
            turn.known = revision;
        }
        Ok(revision)
    }
}

#[async_trait]
impl ConfigStore for SharedConfiguration {
    async fn load(&self) -> Result<Contents, StoreError> {
        let other = self.other_server().await.map_err(Cause::from)?;
        let contents = self.read_everything().await?;
        if let Some(other) = other {
            *self.read_from.lock() = other;
        }
        Ok(contents)
    }

    async fn write(&self, edits: Arc<Vec<Edit>>) -> Result<Revision, StoreError> {
        Ok(self.put(&edits, How::Stored).await?)
    }

    async fn declare(&self, edits: &[Edit]) -> Result<Revision, StoreError> {
        Ok(self.put(edits, How::Declared).await?)
    }

    async fn begin_anew(&self, config: &ClientConfig) -> Result<Revision, StoreError> {
        Ok(self.put(&[Edit::PutClient(config.clone())], How::Anew).await?)
    }

    async fn written_since(&self, known: Revision) -> Result<WrittenSince, StoreError> {
        Ok(self.since(known).await?)
    }

    async fn begin_turn(&self, known: Revision) -> Result<WrittenSince, StoreError> {
        Ok(self.begin(known).await?)
    }

    async fn end_turn(&self) {
        let turn = self.turn.lock().take();
        if let Some(Turn { token, .. }) = turn {
            // Where this does not arrive the turn ends by itself.
            let _ = self.run(&self.scripts.end, &[TURN_KEY], &[token]).await;
        }
    }
}

/// A number, as a script is told one.
fn text(number: impl Display) -> Vec<u8> {
    number.to_string().into_bytes()
}

/// A revision, as the store writes it: a text, or a double's, which holds no larger ones exactly.
fn revision_of(found: Found) -> Option<Revision> {
    let text = found.into_bytes()?;
    let number: u64 = str::from_utf8(&text).ok()?.parse().ok()?;
    Exact::try_from(number).ok().map(|number| Revision::new(number.get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_that_a_double_does_not_hold_is_none() {
        let read = |text: &str| revision_of(Found::Bytes(text.as_bytes().to_vec()));
        assert_eq!(read("9007199254740991"), Some(Revision::new((1 << 53) - 1)));
        for text in ["18446744073709551615", "9007199254740993", "1e300", "-1", "abc", ""] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
