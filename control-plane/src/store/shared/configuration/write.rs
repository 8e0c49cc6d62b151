//! A write of this process, in its turn.

use std::{collections::BTreeMap, time::Duration};

use rand::random;
use tokio::time::{Instant, sleep};

use super::{
    Cause, SharedConfiguration,
    row::{self, Standing},
    text,
};
use crate::{
    audit::{Entry, RECENT_MAX},
    clients::Revision,
    store::{
        Edit, WrittenSince,
        shared::{
            client::Found,
            keys::{
                AUDIT_KEY, FORGOTTEN_KEY, IMPORT_KEY, MOVED_KEY, REMOVED_KEY, REVISION_KEY,
                ROWS_KEY, TURN_KEY,
            },
            lineage::exact,
        },
    },
};

/// How many names of removed rows are kept.
const REMOVED_KEPT: u32 = 100_000;

/// How many rows one write takes: the store answers nobody else meanwhile.
pub(super) const EDITS_MAX: usize = 100_000;

/// For how long a turn is somebody's that does not end it.
const TURN: Duration = Duration::from_secs(10);

/// For how long a turn is waited for.
pub(super) const TURN_WAIT: Duration = Duration::from_secs(15);

/// How long to wait until a turn that is another's is asked for again.
const TURN_RETRY: Duration = Duration::from_millis(5);

/// What is written of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// All of it.
    Stored,
    /// All of it, and nothing is spent of it from now on.
    Anew,
    /// Its lineage alone, where that is another one now.
    Declared,
}

/// This process' turn to write.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    token: Vec<u8>,
    known: Revision,
    began: Revision,
}

impl Turn {
    /// A time of the store, or one more than the write before.
    fn next(&self) -> Revision {
        Revision::new(self.began.get().max(self.known.get() + 1))
    }
}

impl SharedConfiguration {
    pub(super) async fn begin(&self, known: Revision) -> Result<WrittenSince, Cause> {
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

    /// What the next write gets in this turn; `None`: it is another one's.
    pub(super) fn next(&self) -> Option<Revision> {
        self.turn.lock().as_ref().map(Turn::next)
    }

    /// Without an `entry` nobody does it whom anybody would ask.
    pub(super) async fn put(
        &self,
        edits: &[Edit],
        how: How,
        entry: Option<&Entry>,
    ) -> Result<Revision, Cause> {
        if edits.len() > EDITS_MAX {
            return Err(Cause::TooMuch(edits.len()));
        }
        let turn = self.turn.lock().clone().ok_or(Cause::Lost)?;
        let revision = turn.next();
        let entry = match entry {
            Some(entry) => entry.to_stored(revision.get()).ok_or(Cause::Entry)?,
            None => Vec::new(),
        };
        let keys =
            [TURN_KEY, REVISION_KEY, ROWS_KEY, MOVED_KEY, REMOVED_KEY, FORGOTTEN_KEY, AUDIT_KEY];
        let mut arguments = vec![
            turn.token.clone(),
            text(turn.known.get()),
            text(revision.get()),
            text(REMOVED_KEPT),
            text(RECENT_MAX),
            entry,
        ];
        // Of several edits of one thing the last one holds, on top of those before it.
        let mut written: BTreeMap<Vec<u8>, Standing> = BTreeMap::new();
        for edit in edits {
            let name = row::name_of(edit);
            let before = match written.get(&name) {
                Some(Standing::Numbered(before)) => Some(*before),
                Some(Standing::Nothing | Standing::Plain) => None,
                None => self.known.lineage(&name),
            };
            let mut standing = row::standing_of(edit, before.as_ref(), revision);
            match (how, &mut standing) {
                (How::Anew, Standing::Numbered(lineage)) => {
                    *lineage = lineage.anew(exact(revision));
                }
                // There is nothing to agree on.
                (How::Declared, Standing::Plain) => continue,
                (How::Declared, Standing::Numbered(lineage)) if before == Some(*lineage) => {
                    continue;
                }
                (How::Declared, Standing::Nothing) if before.is_none() => continue,
                _ => {}
            }
            let stored = (how != How::Declared).then_some((edit, revision));
            let bytes = row::row_of(&standing, stored);
            written.insert(name.clone(), standing);
            arguments.extend([name, bytes]);
        }
        if written.is_empty() {
            return Ok(turn.known);
        }
        let found = self.run(&self.scripts.write, &keys, &arguments).await?;
        if found.into_integer() != Some(1) {
            return Err(Cause::Lost);
        }
        for (name, standing) in written {
            self.known.note(name, standing);
        }
        if let Some(turn) = &mut *self.turn.lock() {
            turn.known = revision;
        }
        Ok(revision)
    }

    /// Where this does not arrive the turn ends by itself.
    pub(super) async fn end(&self) {
        let turn = self.turn.lock().take();
        if let Some(Turn { token, .. }) = turn {
            let _ = self.run(&self.scripts.end, &[TURN_KEY], &[token]).await;
        }
    }
}
