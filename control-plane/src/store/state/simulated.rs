//! A disk in memory, for tests and simulations: it forgets what was not synced, gets full, fails,
//! and is as slow as it is told to be.

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind},
    ops::Range,
    path::PathBuf,
    sync::Arc,
};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::{Disk, DiskFile};

/// A disk that a test has in its hands; a clone is the same disk.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// A sync began to wait, or may go on.
    sync_moved: Condvar,
}

/// What a disk can be told to refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A file is made.
    Create,
    /// A file gets another name.
    Rename,
    /// A file is removed.
    Remove,
    /// Names are synced.
    SyncNames,
    /// Bytes are written.
    Append,
    /// A file is synced.
    Sync,
}

#[derive(Debug, Default)]
struct State {
    /// Every file that ever was: names point to them.
    files: Vec<File>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// The process that has the disk: handles of those before it are dead.
    process: u64,
    /// Changes made so far.
    changes: u64,
    death: Option<Death>,
    is_dead: bool,
    bytes_max: Option<u64>,
    refused: Option<Operation>,
    syncs_wait: bool,
    waiting_syncs: usize,
}

#[derive(Debug, Default)]
struct File {
    bytes: Vec<u8>,
    /// So many of them are durable.
    durable: usize,
    /// What a sync that failed had to write: it is gone after a power failure.
    lost: Vec<Range<usize>>,
}

#[derive(Clone, Copy, Debug)]
struct Death {
    /// The process ends in the change with this number.
    change: u64,
    /// How much of it is made.
    torn: u64,
}

/// How a change ends.
enum Fate {
    Made,
    /// The process ends in it, and so much of it is made.
    Torn(u64),
}

impl MemoryDisk {
    /// A disk without files.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many changes were made so far: files made, renamed, removed and written, and syncs.
    pub fn changes(&self) -> u64 {
        self.lock().changes
    }

    /// The process dies in its change after so many: of what that writes, `torn` bytes get there at
    /// most, and of other changes those with an odd `torn` are made. Everything after fails.
    pub fn dies_after(&self, changes: u64, torn: u64) {
        let mut state = self.lock();
        state.death = Some(Death { change: state.changes + changes, torn });
    }

    /// Whether the process died.
    pub fn is_dead(&self) -> bool {
        self.lock().is_dead
    }

    /// The process ends, if it has not yet, and another one may begin: all that was written is there.
    pub fn kill(&self) {
        let mut state = self.lock();
        state.process += 1;
        state.is_dead = false;
        state.death = None;
        state.refused = None;
        state.syncs_wait = false;
        drop(state);
        self.shared.sync_moved.notify_all();
    }

    /// The machine loses its power: of what was not synced, `random` decides what is left. Files end
    /// anywhere, with zeros or garbage behind, and each name is what it was or what it became.
    pub fn lose_power(&self, mut random: impl FnMut() -> u64) {
        self.kill();
        let mut state = self.lock();
        let State { files, names, durable_names, .. } = &mut *state;
        for (name, file) in &*durable_names {
            if names.get(name) != Some(file) && random().is_multiple_of(2) {
                names.insert(name.clone(), *file);
            }
        }
        names.retain(|name, _| durable_names.contains_key(name) || random().is_multiple_of(2));
        durable_names.clone_from(names);
        for file in files {
            file.lose_power(&mut random);
        }
    }

    /// The disk is full when its files have so many bytes together.
    pub fn is_full_at(&self, bytes: u64) {
        self.lock().bytes_max = Some(bytes);
    }

    /// The disk has room again.
    pub fn has_room(&self) {
        self.lock().bytes_max = None;
    }

    /// How many bytes its files have.
    pub fn bytes(&self) -> u64 {
        self.lock().bytes()
    }

    /// From now on the disk refuses this, or nothing.
    pub fn refuses(&self, operation: Option<Operation>) {
        self.lock().refused = operation;
    }

    /// From now on syncs of files wait until they are let go.
    pub fn hold_syncs(&self) {
        self.lock().syncs_wait = true;
    }

    /// Waits until a sync does.
    pub fn wait_for_sync(&self) {
        let mut state = self.lock();
        while state.waiting_syncs == 0 {
            self.shared.sync_moved.wait(&mut state);
        }
    }

    /// Syncs go on.
    pub fn let_syncs_go(&self) {
        self.lock().syncs_wait = false;
        self.shared.sync_moved.notify_all();
    }

    /// What is in a file.
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.lock();
        let file = state.files.get(*state.names.get(name)?)?;
        Some(file.bytes.clone())
    }

    /// Makes a file of this content, durable, in place of one that was there.
    pub fn put(&self, name: &str, content: &[u8]) {
        let mut state = self.lock();
        let file = state.files.len();
        let durable = content.len();
        state.files.push(File { bytes: content.to_vec(), durable, lost: Vec::new() });
        state.names.insert(name.to_owned(), file);
        state.durable_names.insert(name.to_owned(), file);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock()
    }

    fn handle(&self, state: &State, file: usize) -> Box<dyn DiskFile> {
        Box::new(Handle { disk: self.clone(), file, process: state.process })
    }
}

impl State {
    fn bytes(&self) -> u64 {
        let files = self.names.values().filter_map(|file| self.files.get(*file));
        files.map(|file| length(&file.bytes)).sum()
    }

    /// Begins a change.
    fn change(&mut self, operation: Operation) -> io::Result<Fate> {
        if self.is_dead {
            return Err(io::Error::other("the process is dead"));
        }
        self.changes += 1;
        if let Some(Death { torn, .. }) = self.death.filter(|death| death.change < self.changes) {
            self.is_dead = true;
            return Ok(Fate::Torn(torn));
        }
        if self.refused == Some(operation) {
            return Err(io::Error::other("the disk refuses it"));
        }
        Ok(Fate::Made)
    }

    /// Makes a change that is made or not.
    fn make(&mut self, operation: Operation, change: impl FnOnce(&mut Self)) -> io::Result<()> {
        match self.change(operation)? {
            Fate::Made => change(self),
            Fate::Torn(torn) => {
                if !torn.is_multiple_of(2) {
                    change(self);
                }
                return Err(io::Error::other("the process dies"));
            }
        }
        Ok(())
    }

    fn find(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }
}

impl File {
    fn lose_power(&mut self, random: &mut impl FnMut() -> u64) {
        let tail = self.bytes.len().saturating_sub(self.durable);
        let kept = below(random(), tail + 1);
        let behind = tail - kept;
        self.bytes.truncate(self.durable + kept);
        match random() % 4 {
            // The file has its length, but not its bytes.
            0 => self.bytes.extend(std::iter::repeat_n(0, behind)),
            1 => self.bytes.extend((0..behind).map(|_| random().to_le_bytes()[0])),
            _ => {}
        }
        for lost in self.lost.drain(..) {
            for byte in self.bytes.iter_mut().take(lost.end).skip(lost.start) {
                *byte = 0;
            }
        }
        self.durable = self.bytes.len();
    }
}

impl Disk for MemoryDisk {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.lock().names.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let state = self.lock();
        let file = state.find(name)?;
        Ok(self.handle(&state, file))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.lock();
        state.make(Operation::Create, |state| {
            state.names.insert(name.to_owned(), state.files.len());
            state.files.push(File::default());
        })?;
        let file = state.find(name)?;
        Ok(self.handle(&state, file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.lock();
        let file = state.find(from)?;
        state.make(Operation::Rename, |state| {
            state.names.remove(from);
            state.names.insert(to.to_owned(), file);
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.lock();
        state.find(name)?;
        state.make(Operation::Remove, |state| {
            state.names.remove(name);
        })
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.lock();
        state.make(Operation::SyncNames, |state| state.durable_names = state.names.clone())
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("/memory").join(name)
    }
}

/// A file as one process has it.
#[derive(Debug)]
struct Handle {
    disk: MemoryDisk,
    file: usize,
    process: u64,
}

impl Handle {
    fn lock(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.lock();
        if state.process == self.process {
            return Ok(state);
        }
        Err(io::Error::other("the process has ended"))
    }
}

fn file(state: &mut State, file: usize) -> io::Result<&mut File> {
    state.files.get_mut(file).ok_or_else(|| ErrorKind::NotFound.into())
}

impl DiskFile for Handle {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.lock()?;
        let fate = state.change(Operation::Append)?;
        let room = state.bytes_max.map(|bytes_max| bytes_max.saturating_sub(state.bytes()));
        let file = file(&mut state, self.file)?;
        let mut write = |most: u64| {
            file.bytes.extend(bytes.iter().take(usize::try_from(most).unwrap_or(usize::MAX)));
        };
        match fate {
            Fate::Torn(torn) => {
                write(torn);
                Err(io::Error::other("the process dies"))
            }
            Fate::Made => {
                write(room.unwrap_or(u64::MAX));
                match room {
                    Some(room) if room < length(bytes) => Err(ErrorKind::StorageFull.into()),
                    _ => Ok(()),
                }
            }
        }
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let mut state = self.lock()?;
        let file = file(&mut state, self.file)?;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let there = file.bytes.get(offset..).unwrap_or_default();
        let read = there.len().min(bytes.len());
        for (byte, there) in bytes.iter_mut().zip(there) {
            *byte = *there;
        }
        Ok(read)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.lock()?;
        let refused = state.refused == Some(Operation::Sync);
        let written = file(&mut state, self.file)?.bytes.len();
        while state.syncs_wait {
            state.waiting_syncs += 1;
            self.disk.shared.sync_moved.notify_all();
            self.disk.shared.sync_moved.wait(&mut state);
            state.waiting_syncs -= 1;
        }
        if state.process != self.process {
            return Err(io::Error::other("the process has ended"));
        }
        let synced = state.make(Operation::Sync, |state| {
            if let Some(file) = state.files.get_mut(self.file) {
                file.durable = file.durable.max(written);
            }
        });
        if refused {
            let file = file(&mut state, self.file)?;
            let lost = file.durable..written;
            file.durable = file.durable.max(written);
            file.lost.push(lost);
        }
        synced
    }

    fn len(&self) -> io::Result<u64> {
        let mut state = self.lock()?;
        Ok(length(&file(&mut state, self.file)?.bytes))
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// One of `0..end`.
fn below(random: u64, end: usize) -> usize {
    usize::try_from(random % u64::try_from(end).unwrap_or(u64::MAX)).unwrap_or(0)
}
