//! What others wrote: since a revision, or all of it where that does not tell.

use std::collections::BTreeMap;

use super::{
    Cause, SharedConfiguration,
    row::{self, ReadRow, Standing},
    text,
};
use crate::{
    clients::Revision,
    store::{
        Contents, Lost, WrittenSince,
        shared::{
            Exact,
            client::{Client, Failure, Found, Server},
            keys::{FORGOTTEN_KEY, MOVED_KEY, REMOVED_KEY, REVISION_KEY, ROWS_KEY},
        },
    },
};

/// How many rows are told one by one to whoever asks what was written.
const TOLD_MAX: u32 = 10_000;

/// How many rows are asked for at a time when all are read.
const ROWS_AT_A_TIME: u32 = 1_000;

/// Whom what is known was read from.
#[derive(Debug, Default)]
pub(super) struct ReadFrom {
    /// The number of the connection.
    connection: u64,
    server: Option<Server>,
}

impl SharedConfiguration {
    /// Who answers, where it is another one than whom all was read from, or one that lost something: there
    /// what is known may never have been written, however new the revision is.
    pub(super) async fn other_server(&self) -> Result<Option<ReadFrom>, Failure> {
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

    pub(super) async fn since(&self, known: Revision) -> Result<WrittenSince, Cause> {
        if let Some(other) = self.other_server().await? {
            let contents = self.everything_since(known).await?;
            *self.read_from.lock() = other;
            return Ok(WrittenSince::Everything(contents));
        }
        self.written_after(known).await
    }

    async fn written_after(&self, known: Revision) -> Result<WrittenSince, Cause> {
        let keys = [REVISION_KEY, ROWS_KEY, MOVED_KEY, REMOVED_KEY, FORGOTTEN_KEY];
        let arguments = [text(known.get()), text(TOLD_MAX), text(self.known.len())];
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
            edits.push((row::removal(&name)?, revision_of(at).ok_or(Cause::Answer)?));
            self.known.note(name, Standing::Nothing);
        }
        let mut moved = moved.into_iter();
        while let (Some(name), Some(bytes)) = (moved.next(), moved.next()) {
            let name = name.into_bytes().ok_or(Cause::Answer)?;
            if bytes == Found::Nothing {
                // It was written and is not there, and nobody who writes removed it.
                return Ok(WrittenSince::Everything(self.everything_since(known).await?));
            }
            let bytes = bytes.into_bytes().ok_or(Cause::Answer)?;
            let ReadRow { standing, edit } = row::read(&name, &bytes)?;
            self.known.note(name, standing);
            edits.extend(edit);
        }
        Ok(WrittenSince::Edits { edits, newest })
    }

    /// All rows, and how many of those that were known are gone though nobody removed them.
    async fn everything_since(&self, known: Revision) -> Result<Contents, Cause> {
        let before = self.known.names();
        let contents = Box::pin(self.read_everything()).await?;
        let mut gone = before;
        gone.retain(|name| !self.known.has(name));
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
    pub(super) async fn read_everything(&self) -> Result<Contents, Cause> {
        // Of one server from the first to the last: where one was goes on at no other.
        let client = self.link.client().await?;
        let known = self.newest().await?;
        let mut all = BTreeMap::new();
        let mut found = Vec::new();
        let mut cursor = 0;
        loop {
            let scan = async |_| client.scan_hash(ROWS_KEY, cursor, ROWS_AT_A_TIME).await;
            let (next, fields) = self.link.ask(scan).await?;
            for (name, bytes) in fields {
                let ReadRow { standing, edit } = row::read(&name, &bytes)?;
                found.push((name.clone(), standing));
                all.extend(edit.map(|edit| (name, edit)));
            }
            if next == 0 {
                break;
            }
            cursor = next;
        }
        self.known.clear();
        for (name, standing) in found {
            self.known.note(name, standing);
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
