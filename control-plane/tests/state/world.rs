//! Files of the state on a disk in memory, and beside them a model that knows what has to be found.

use std::{ops::RangeInclusive, sync::Arc};

use flowguard::store::state::{
    Condition, Disk as _, Found, SnapshotWriter, StateError, StateFiles, Status,
    simulated::MemoryDisk,
};
use limiter::UnixMillis;

use crate::things::{Step, Things};

pub(crate) const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

/// What was appended since the files were opened, and what of it must be there.
#[derive(Debug)]
pub(crate) struct Model {
    /// How everything stood at first and after each entry.
    states: Vec<Things>,
    /// So many entries are durable.
    synced: usize,
    /// So many entries count, when the journal is broken.
    broken_after: Option<usize>,
    /// What happened when the process died may be there or not.
    in_doubt: InDoubt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InDoubt {
    Nothing,
    Entry,
    Snapshot,
}

/// What ends a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    Kill,
    PowerLoss,
}

impl Model {
    pub(crate) fn new(things: Things) -> Self {
        Self { states: vec![things], synced: 0, broken_after: None, in_doubt: InDoubt::Nothing }
    }

    pub(crate) fn first(&self) -> &Things {
        self.states.first().expect("a first state")
    }

    pub(crate) fn now(&self) -> &Things {
        self.states.last().expect("a first state")
    }

    fn entries(&self) -> usize {
        self.states.len() - 1
    }

    /// After how many entries the state may stand that is found.
    fn allowed(&self, crash: Crash) -> RangeInclusive<usize> {
        let written = self.broken_after.unwrap_or(self.entries());
        let written =
            written - usize::from(self.in_doubt == InDoubt::Entry && self.broken_after.is_none());
        let most = if self.in_doubt == InDoubt::Nothing { written } else { self.entries() };
        match crash {
            Crash::Kill => written..=most,
            Crash::PowerLoss => self.synced.min(written)..=most,
        }
    }

    /// Whether this may be found.
    pub(crate) fn allows(&self, found: &Things, crash: Crash) -> bool {
        self.states[self.allowed(crash)].contains(found)
    }
}

/// One process that has the files.
pub(crate) struct World {
    pub(crate) disk: MemoryDisk,
    pub(crate) files: StateFiles,
    pub(crate) model: Model,
    pub(crate) found: Found,
}

pub(crate) fn names(disk: &MemoryDisk) -> Vec<String> {
    disk.names().expect("names")
}

pub(crate) fn open(disk: &MemoryDisk) -> Result<(StateFiles, Found, Things), StateError> {
    let mut things = Things::default();
    let opened = StateFiles::open(Arc::new(disk.clone()), |record| things.apply(&record));
    opened.map(|(files, found)| (files, found, things))
}

impl World {
    pub(crate) fn open(disk: &MemoryDisk) -> Result<Self, StateError> {
        let (files, found, things) = open(disk)?;
        let model = Model::new(things);
        let mut world = Self { disk: disk.clone(), files, model, found };
        world.look_at_status();
        Ok(world)
    }

    pub(crate) fn new() -> Self {
        Self::open(&MemoryDisk::new()).expect("an empty disk")
    }

    pub(crate) fn append(&mut self, steps: &[Step]) {
        append(&self.disk, &self.files, &mut self.model, steps);
        self.look_at_status();
    }

    pub(crate) fn sync(&mut self) {
        sync(&self.disk, &self.files, &mut self.model);
        self.look_at_status();
    }

    pub(crate) fn snapshot(&mut self) -> Result<(), StateError> {
        self.snapshot_while(|_, _, _| ())
    }

    /// Writes a snapshot; `meanwhile` something happens after each thing.
    pub(crate) fn snapshot_while(
        &mut self,
        mut meanwhile: impl FnMut(&MemoryDisk, &StateFiles, &mut Model),
    ) -> Result<(), StateError> {
        let Self { disk, files, model, .. } = self;
        let walk = |writer: &mut SnapshotWriter<'_>| {
            for thing in model.now().all() {
                // It may have gone since.
                if let Some(step) = model.now().step(&thing) {
                    step.record(|record| writer.push(record));
                }
                meanwhile(disk, files, model);
            }
        };
        let written = files.snapshot(|| NOW, walk);
        if disk.is_dead() {
            let is_doubtful = model.broken_after.is_some();
            model.in_doubt = if is_doubtful { InDoubt::Snapshot } else { model.in_doubt };
        } else if written.is_ok() {
            model.synced = model.entries();
            model.broken_after = None;
        }
        self.look_at_status();
        written
    }

    pub(crate) fn status(&self) -> Status {
        self.files.status()
    }

    fn look_at_status(&mut self) {
        look_at_status(&self.disk, &self.files, &mut self.model);
    }
}

pub(crate) fn append(disk: &MemoryDisk, files: &StateFiles, model: &mut Model, steps: &[Step]) {
    if disk.is_dead() {
        return;
    }
    let mut things = model.now().clone();
    let unwritten = files.status().unwritten;
    files.append(NOW, |entry| {
        for step in steps {
            step.record(|record| {
                entry.push(record);
                things.apply(record);
            });
        }
    });
    if disk.is_dead() {
        model.in_doubt = InDoubt::Entry;
    } else if files.status().unwritten > unwritten {
        model.broken_after.get_or_insert(model.states.len() - 1);
    }
    model.states.push(things);
}

pub(crate) fn sync(disk: &MemoryDisk, files: &StateFiles, model: &mut Model) {
    look_at_status(disk, files, model);
    let is_whole = model.broken_after.is_none();
    files.sync();
    if !disk.is_dead() && is_whole {
        model.synced = model.entries();
    }
    look_at_status(disk, files, model);
}

fn look_at_status(disk: &MemoryDisk, files: &StateFiles, model: &mut Model) {
    if !disk.is_dead() && files.status().condition != Condition::Writing {
        model.broken_after.get_or_insert(model.entries());
    }
}
