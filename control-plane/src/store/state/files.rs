//! The files of the state, for the process that has them.

use std::{collections::BTreeSet, sync::Arc};

use limiter::UnixMillis;
use parking_lot::Mutex;

use super::{
    Cause, Disk, Entry, Found, Record, SnapshotWriter, StateError, Status,
    generation::{Generation, JournalHeader},
    journal::{Beginning, Journal, Size, Turn},
    leftovers, names,
    read::{self, Contents},
    snapshot_writer::SnapshotHeader,
};
use crate::store::data_dir::is_full;

/// Where balances, tallies, estimates and reservations outlive the process.
#[derive(Debug)]
pub struct StateFiles {
    disk: Arc<dyn Disk>,
    journal: Mutex<Journal>,
    /// Held while a file is synced, so that the other one is not turned away from.
    turning: Mutex<()>,
    /// Held while a snapshot is written.
    generations: Mutex<Generations>,
}

/// Numbers the generations of a process.
#[derive(Debug)]
struct Generations {
    run: u64,
    run_began: u64,
    newest: u64,
}

impl Generations {
    fn next(&mut self) -> JournalHeader {
        self.newest += 1;
        JournalHeader { generation: self.newest, run: self.run, run_began: self.run_began }
    }
}

/// A snapshot before it is written.
struct Begun {
    generation: u64,
    turn: Turn,
}

impl StateFiles {
    /// Reads snapshot and journal, gives every record to `apply` in the order in which they were
    /// written, and begins a generation of the journal.
    ///
    /// Files that are damaged or come from a later version stay what they are. On a disk that is
    /// full this works, but nothing is appended until there is a snapshot.
    pub fn open(
        disk: Arc<dyn Disk>,
        mut apply: impl FnMut(Record<'_>),
    ) -> Result<(Self, Found), StateError> {
        let contents = read::read_all(&*disk, &mut apply)?;
        leftovers::remove_unfinished(&*disk);
        // The snapshot's name has to be durable before what it replaced may go.
        disk.sync_names().map_err(StateError::unusable(&*disk, ""))?;
        leftovers::remove_before(&*disk, contents.first_generation);
        // What was read counts from now on, also what no sync had reached.
        for journal in &contents.journals {
            let name = journal.name.to_string();
            journal.file.sync().map_err(StateError::unusable(&*disk, &name))?;
        }
        let run = contents.newest_generation + 1;
        let mut generations =
            Generations { run, run_began: contents.next, newest: contents.newest_generation };
        let files = match Generation::create(&*disk, generations.next()) {
            Ok(generation) => {
                remove_empty(&*disk, &contents);
                Ok(generation)
            }
            Err(StateError::Unusable { error, .. }) if is_full(&error) => Err(Cause::from(&error)),
            Err(error) => return Err(error),
        };
        let found = contents.found;
        let journal = Journal::begin(Beginning {
            next: contents.next,
            durable: contents.durable,
            is_in_doubt: contents.is_in_doubt,
            last: found.last,
            has_changed: found.entries > 0,
            size: size(&contents),
            files,
        });
        let files = Self {
            disk,
            journal: Mutex::new(journal),
            turning: Mutex::new(()),
            generations: Mutex::new(generations),
        };
        Ok((files, found))
    }

    /// Writes one entry: all records that `write` adds, or, when the process is killed, none.
    ///
    /// `write` runs under the journal's lock: what it reads is never older than what an entry before
    /// it said. Whether entries are written is told by [`status`](Self::status); the caller goes on
    /// in any case.
    pub fn append(&self, at: UnixMillis, write: impl FnOnce(&mut Entry)) {
        self.journal.lock().append(at, write);
    }

    /// Makes durable what was appended before, while appends go on. To be called once a second; it
    /// may take as long as the disk does.
    pub fn sync(&self) {
        let _turning = self.turning.lock();
        if self.journal.lock().is_dirty() {
            // A failure is told by the status.
            let _ = self.turn();
        }
    }

    /// Writes a snapshot of what `walk` pushes, while appends go on, and removes the journal before
    /// it. Where this fails, what was in force still is.
    ///
    /// `walk` pushes everything as it stands when it is read, in any order. `now` is asked when it
    /// has begun.
    pub fn snapshot(
        &self,
        now: impl FnOnce() -> UnixMillis,
        walk: impl FnOnce(&mut SnapshotWriter<'_>),
    ) -> Result<(), StateError> {
        let mut generations = self.generations.lock();
        let begun = self.begin_snapshot(&mut generations)?;
        match self.write_snapshot(&begun, now(), walk) {
            Ok((behind, bytes)) => {
                if let Err(error) = self.put_in_force() {
                    // Its name may be there: nothing that it or the one before it needs is removed.
                    self.journal.lock().has_no_snapshot(cause(&error));
                    return Err(error);
                }
                self.journal.lock().has_snapshot(begun.turn.changes, behind, bytes);
                leftovers::remove_before(&*self.disk, begun.generation);
                Ok(())
            }
            Err(error) => {
                leftovers::remove_unfinished(&*self.disk);
                let in_vain = self.journal.lock().has_no_snapshot(cause(&error));
                if let Some(generation) = in_vain {
                    leftovers::remove_generation(&*self.disk, generation);
                }
                Err(error)
            }
        }
    }

    /// Whether it is time for a snapshot: the journal has outgrown the one before, or begins with what
    /// nobody knows to be durable.
    pub fn is_outgrown(&self) -> bool {
        self.journal.lock().is_outgrown()
    }

    /// Whether anything was appended since the last snapshot.
    pub fn has_changed(&self) -> bool {
        self.journal.lock().has_changed()
    }

    /// Whether entries are written.
    pub fn status(&self) -> Status {
        self.journal.lock().status()
    }

    /// Turns the journal to the generation that the snapshot begins with.
    fn begin_snapshot(&self, generations: &mut Generations) -> Result<Begun, StateError> {
        let spare = {
            let journal = self.journal.lock();
            journal.generation().filter(|_| journal.is_spare())
        };
        let created = match spare {
            Some(_) => None,
            None => Some(Generation::create(&*self.disk, generations.next())?),
        };
        let generation = spare.unwrap_or(generations.newest);
        let _turning = self.turning.lock();
        let turn = match created {
            None => self.turn(),
            Some(created) => self.turn_to(created),
        };
        Ok(Begun { generation, turn: turn.map_err(StateError::JournalBroken)? })
    }

    /// Answers the number of the first entry that is not in it, and its bytes.
    fn write_snapshot(
        &self,
        begun: &Begun,
        at: UnixMillis,
        walk: impl FnOnce(&mut SnapshotWriter<'_>),
    ) -> Result<(u64, u64), StateError> {
        let unfinished = names::unfinished(names::SNAPSHOT);
        let unusable = || StateError::unusable(&*self.disk, &unfinished);
        let file = self.disk.create(&unfinished).map_err(unusable())?;
        let header = SnapshotHeader { generation: begun.generation, first: begun.turn.number, at };
        let mut writer = SnapshotWriter::begin(&*file, header).map_err(unusable())?;
        walk(&mut writer);
        writer.check().map_err(unusable())?;
        let behind = {
            let _turning = self.turning.lock();
            self.turn().map_err(StateError::JournalBroken)?.number
        };
        let bytes = writer.end(behind).map_err(unusable())?;
        Ok((behind, bytes))
    }

    fn put_in_force(&self) -> Result<(), StateError> {
        let unfinished = names::unfinished(names::SNAPSHOT);
        let renamed = self.disk.rename(&unfinished, names::SNAPSHOT);
        renamed
            .and_then(|()| self.disk.sync_names())
            .map_err(StateError::unusable(&*self.disk, names::SNAPSHOT))
    }

    /// Turns to the other file and syncs the one before.
    fn turn(&self) -> Result<Turn, Cause> {
        let turn = self.journal.lock().turn()?;
        self.end_turn(turn)
    }

    /// Turns to another generation and syncs what was written to before.
    fn turn_to(&self, generation: Generation) -> Result<Turn, Cause> {
        let turn = self.journal.lock().turn_to(generation);
        self.end_turn(turn)
    }

    fn end_turn(&self, turn: Turn) -> Result<Turn, Cause> {
        let synced = turn.file.as_ref().map_or(Ok(()), |file| file.sync());
        self.journal.lock().end_turn(&turn, synced)?;
        Ok(turn)
    }
}

/// What had to be read, with the generation that was begun.
fn size(contents: &Contents) -> Size {
    let live = contents.journals.iter().filter(|journal| journal.has_entries);
    let generations: BTreeSet<_> = live.clone().map(|journal| journal.name.generation).collect();
    Size {
        snapshot_bytes: contents.snapshot_bytes,
        earlier_bytes: live.map(|journal| journal.bytes).sum(),
        bytes: 0,
        generations: generations.len() + 1,
    }
}

/// Removes generations in which there is nothing.
fn remove_empty(disk: &dyn Disk, contents: &Contents) {
    for journal in &contents.journals {
        let other = contents.journals.iter().find(|other| other.name == journal.name.other());
        if !journal.has_entries && !other.is_some_and(|other| other.has_entries) {
            let _ = disk.remove(&journal.name.to_string());
        }
    }
}

fn cause(error: &StateError) -> Cause {
    match error {
        StateError::Unusable { error, .. } => Cause::from(error),
        StateError::JournalBroken(cause) => cause.clone(),
        other => Cause::Failed(other.to_string()),
    }
}
