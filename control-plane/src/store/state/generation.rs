//! The two files that entries go to.

use std::{io, sync::Arc};

use super::{
    Disk, DiskFile, StateError,
    frame::Checksum,
    header::{self, FileKind},
    leftovers,
    names::{self, JournalName, Side},
};

/// How a file of the journal begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JournalHeader {
    pub(super) generation: u64,
    /// Which process wrote it: the number of its first generation.
    pub(super) run: u64,
    /// The number that the next entry had when that process began: what the ones before it wrote
    /// from here on does not count.
    pub(super) run_began: u64,
}

impl JournalHeader {
    fn encode(self) -> (Vec<u8>, Checksum) {
        header::encode(FileKind::Journal, [self.generation, self.run, self.run_began])
    }

    pub(super) fn read(
        disk: &dyn Disk,
        name: JournalName,
        file: &dyn DiskFile,
    ) -> Result<(Self, Checksum), StateError> {
        let text = name.to_string();
        let (numbers, checksum) = header::read(disk, &text, file, FileKind::Journal)?;
        let [generation, run, run_began] = numbers;
        if generation != name.generation || run > generation {
            let cause = format!("it is of generation {generation}, of run {run}");
            return Err(StateError::damaged(disk, &text, cause));
        }
        Ok((Self { generation, run, run_began }, checksum))
    }
}

/// A file that entries go to.
#[derive(Debug)]
pub(super) struct JournalFile {
    pub(super) file: Arc<dyn DiskFile>,
    /// The checksum of all that was written to it.
    pub(super) checksum: Checksum,
}

/// Two files, in which there is no entry yet.
#[derive(Debug)]
pub(super) struct Generation {
    pub(super) number: u64,
    pub(super) a: JournalFile,
    pub(super) b: JournalFile,
}

impl Generation {
    /// Makes the files. When this answers, they and their names are durable.
    pub(super) fn create(disk: &dyn Disk, header: JournalHeader) -> Result<Self, StateError> {
        let created = create(disk, header);
        if created.is_err() {
            leftovers::remove_unfinished(disk);
            leftovers::remove_generation(disk, header.generation);
        }
        created
    }
}

fn create(disk: &dyn Disk, header: JournalHeader) -> Result<Generation, StateError> {
    let number = header.generation;
    let [a, b] =
        [Side::A, Side::B].map(|side| JournalName { generation: number, side }.to_string());
    let generation = Generation {
        number,
        a: create_file(disk, &a, header).map_err(StateError::unusable(disk, &a))?,
        b: create_file(disk, &b, header).map_err(StateError::unusable(disk, &b))?,
    };
    // Each gets its name when it is whole: what has it has a header.
    for name in [&a, &b] {
        disk.rename(&names::unfinished(name), name).map_err(StateError::unusable(disk, name))?;
    }
    disk.sync_names().map_err(StateError::unusable(disk, &a))?;
    Ok(generation)
}

fn create_file(disk: &dyn Disk, name: &str, header: JournalHeader) -> io::Result<JournalFile> {
    let (bytes, checksum) = header.encode();
    let file = disk.create(&names::unfinished(name))?;
    file.append(&bytes)?;
    file.sync()?;
    Ok(JournalFile { file: file.into(), checksum })
}
