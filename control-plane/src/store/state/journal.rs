//! What is known of the journal while it is written, under one lock that is never held for long:
//! nothing waits for a sync here.

use std::{io, mem, sync::Arc};

use limiter::UnixMillis;

use super::{
    Cause, Condition, DiskFile, Entry, Status,
    entry::EntryHead,
    generation::{Generation, JournalFile},
};

/// Below this the journal is not too large, whatever the snapshot has.
const OUTGROWN_BYTES_MIN: u64 = 64 << 20;

/// So many generations are not read at a start without need. A process that starts again and again
/// adds one each time.
const GENERATIONS_MAX: usize = 16;

/// Where entries go.
#[derive(Debug)]
pub(super) struct Journal {
    /// `None`: none could be made.
    files: Option<Files>,
    entry: Entry,
    /// The number of the next entry.
    next: u64,
    /// All entries with smaller numbers are durable.
    durable: u64,
    /// Nothing more is called durable before there is a snapshot: what the process before wrote last
    /// may have been in a file whose sync had failed, and another sync of it would say nothing.
    is_in_doubt: bool,
    /// When the last entry was written.
    last: Option<UnixMillis>,
    condition: Writing,
    unwritten: u64,
    /// Whether an entry was written since the last turn.
    is_dirty: bool,
    /// Entries that were appended, written or not.
    changes: u64,
    /// How many of them are in the snapshot.
    saved_changes: u64,
    size: Size,
}

/// Of the two, the first is written to.
#[derive(Debug)]
struct Files {
    generation: u64,
    active: JournalFile,
    other: JournalFile,
    begun: Begun,
}

/// What a generation was begun for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begun {
    /// It goes on from the one before.
    Whole,
    /// For a snapshot that failed: the next one need not begin another.
    Spare,
    /// It begins behind a number that is missing: it counts with its snapshot alone.
    BehindGap,
}

/// Whether entries are written.
#[derive(Debug)]
enum Writing {
    Yes,
    /// They are not.
    No(Broken),
    /// They are, behind a number that is missing, for the snapshot that is being written.
    ForSnapshot(Broken),
}

#[derive(Clone, Debug)]
struct Broken {
    since: Option<UnixMillis>,
    cause: Cause,
}

/// What has to be read at a start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    pub(super) snapshot_bytes: u64,
    /// Those of generations before the one that is written to.
    pub(super) earlier_bytes: u64,
    pub(super) bytes: u64,
    pub(super) generations: usize,
}

/// From one file to the other, while the first one is synced.
#[derive(Debug)]
pub(super) struct Turn {
    /// `None`: what was written before does not count any more.
    pub(super) file: Option<Arc<dyn DiskFile>>,
    /// The number of the first entry after it.
    pub(super) number: u64,
    /// Entries that were appended before it, written or not.
    pub(super) changes: u64,
}

/// What the journal begins with.
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) next: u64,
    /// All entries with smaller numbers are durable.
    pub(super) durable: u64,
    /// Whether there are others.
    pub(super) is_in_doubt: bool,
    pub(super) last: Option<UnixMillis>,
    pub(super) has_changed: bool,
    pub(super) size: Size,
    /// Two files, or why there are none.
    pub(super) files: Result<Generation, Cause>,
}

impl Journal {
    pub(super) fn begin(beginning: Beginning) -> Self {
        let Beginning { next, durable, is_in_doubt, last, has_changed, size, files } = beginning;
        let mut journal = Self {
            files: None,
            entry: Entry::new(),
            next,
            durable,
            is_in_doubt,
            last,
            condition: Writing::Yes,
            unwritten: 0,
            is_dirty: false,
            changes: u64::from(has_changed),
            saved_changes: 0,
            size,
        };
        match files {
            Ok(generation) => journal.use_files(generation, Begun::Whole),
            Err(cause) => journal.break_down(None, cause),
        }
        journal
    }

    /// Writes an entry, unless it has no record.
    pub(super) fn append(&mut self, at: UnixMillis, write: impl FnOnce(&mut Entry)) {
        self.entry.begin(EntryHead { number: self.next, durable: self.durable, at });
        write(&mut self.entry);
        if self.entry.is_empty() {
            return;
        }
        self.changes += 1;
        if let Writing::No(broken) = &mut self.condition {
            broken.since = broken.since.or(Some(at));
            self.unwritten += 1;
            return;
        }
        self.last = Some(at);
        match self.write_entry() {
            Ok(()) => self.is_dirty = true,
            Err(error) => {
                self.unwritten += 1;
                self.break_down(Some(at), Cause::from(&error));
            }
        }
    }

    /// Whether a sync has anything to do.
    pub(super) fn is_dirty(&self) -> bool {
        self.is_dirty && !matches!(self.condition, Writing::No(_))
    }

    /// Whether a snapshot can begin with the generation that is written to.
    pub(super) fn is_spare(&self) -> bool {
        matches!(self.condition, Writing::Yes)
            && self.files.as_ref().is_some_and(|files| files.begun == Begun::Spare)
    }

    /// The generation that is written to.
    pub(super) fn generation(&self) -> Option<u64> {
        self.files.as_ref().map(|files| files.generation)
    }

    /// From now on the other file is written to; the one before has to be synced.
    pub(super) fn turn(&mut self) -> Result<Turn, Cause> {
        if let Writing::No(broken) = &self.condition {
            return Err(broken.cause.clone());
        }
        self.is_dirty = false;
        let file = self.files.as_mut().map(|files| {
            mem::swap(&mut files.active, &mut files.other);
            Arc::clone(&files.other.file)
        });
        Ok(Turn { file, number: self.next, changes: self.changes })
    }

    /// From now on another generation is written to; the file before has to be synced.
    pub(super) fn turn_to(&mut self, generation: Generation) -> Turn {
        self.is_dirty = false;
        self.size.earlier_bytes += mem::take(&mut self.size.bytes);
        self.size.generations += 1;
        let before = self.files.take();
        let file = match mem::replace(&mut self.condition, Writing::Yes) {
            Writing::Yes => {
                self.use_files(generation, Begun::Whole);
                before.map(|files| files.active.file)
            }
            // A sync that failed once says nothing when it is tried again.
            Writing::No(broken) | Writing::ForSnapshot(broken) => {
                self.use_files(generation, Begun::BehindGap);
                self.condition = Writing::ForSnapshot(broken);
                None
            }
        };
        Turn { file, number: self.next, changes: self.changes }
    }

    /// The file was synced, or could not be.
    pub(super) fn end_turn(&mut self, turn: &Turn, synced: io::Result<()>) -> Result<(), Cause> {
        match synced {
            Ok(()) => {
                self.is_durable_up_to(turn.number);
                Ok(())
            }
            Err(error) => {
                let cause = Cause::from(&error);
                self.break_down(self.last, cause.clone());
                Err(cause)
            }
        }
    }

    /// A snapshot of so many changes is in force, which has all that was written up to a number.
    pub(super) fn has_snapshot(&mut self, changes: u64, behind: u64, bytes: u64) {
        self.saved_changes = changes;
        self.size.snapshot_bytes = bytes;
        self.size.earlier_bytes = 0;
        self.size.generations = 1;
        self.is_in_doubt = false;
        if let Some(files) = &mut self.files {
            files.begun = Begun::Whole;
        }
        if matches!(self.condition, Writing::ForSnapshot(_)) {
            self.condition = Writing::Yes;
        }
        self.is_durable_up_to(behind);
    }

    /// A snapshot failed. It answers the generation that was begun in vain, if none of its entries
    /// can ever count.
    pub(super) fn has_no_snapshot(&mut self, cause: Cause) -> Option<u64> {
        if matches!(self.condition, Writing::ForSnapshot(_)) {
            self.break_down(self.last, cause);
        }
        let files = self.files.as_mut()?;
        match files.begun {
            Begun::BehindGap => return Some(files.generation),
            Begun::Whole | Begun::Spare => files.begun = Begun::Spare,
        }
        None
    }

    pub(super) fn is_outgrown(&self) -> bool {
        let Size { snapshot_bytes, earlier_bytes, bytes, generations } = self.size;
        self.is_in_doubt
            || earlier_bytes + bytes > snapshot_bytes.max(OUTGROWN_BYTES_MIN)
            || generations > GENERATIONS_MAX
    }

    pub(super) fn has_changed(&self) -> bool {
        self.changes > self.saved_changes
    }

    pub(super) fn status(&self) -> Status {
        let condition = match &self.condition {
            Writing::Yes => Condition::Writing,
            Writing::No(Broken { since, cause })
            | Writing::ForSnapshot(Broken { since, cause }) => {
                Condition::Broken { since: *since, cause: cause.clone() }
            }
        };
        Status { condition, unwritten: self.unwritten }
    }

    fn use_files(&mut self, generation: Generation, begun: Begun) {
        let Generation { number, a, b } = generation;
        self.files = Some(Files { generation: number, active: a, other: b, begun });
    }

    fn write_entry(&mut self) -> io::Result<()> {
        if !self.entry.is_in_bounds() {
            return Err(io::Error::other("an entry is too large"));
        }
        let Some(Files { active, .. }) = &mut self.files else {
            return Err(io::Error::other("there is no file"));
        };
        let (bytes, checksum) = self.entry.seal(active.checksum);
        active.file.append(bytes)?;
        active.checksum = checksum;
        self.size.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.next += 1;
        Ok(())
    }

    /// Says so in an entry without records, unless something before is missing.
    fn is_durable_up_to(&mut self, number: u64) {
        if self.is_in_doubt || !matches!(self.condition, Writing::Yes) {
            return;
        }
        self.durable = self.durable.max(number);
        let at = self.last.unwrap_or_default();
        self.entry.begin(EntryHead { number: self.next, durable: self.durable, at });
        if let Err(error) = self.write_entry() {
            self.break_down(self.last, Cause::from(&error));
        }
    }

    /// What comes from now on may not follow what is there. The entry that failed may be there all
    /// the same, so its number is not used again; the one behind it is of no entry at all.
    fn break_down(&mut self, since: Option<UnixMillis>, cause: Cause) {
        self.next += 2;
        self.is_dirty = false;
        self.condition = match mem::replace(&mut self.condition, Writing::Yes) {
            Writing::Yes => Writing::No(Broken { since, cause }),
            Writing::No(broken) | Writing::ForSnapshot(broken) => {
                Writing::No(Broken { cause, ..broken })
            }
        };
    }
}
