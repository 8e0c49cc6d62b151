//! A disk in memory, for tests and simulations: it forgets what was not synced, gets full, fails,
//! and is as slow as it is told to be.

mod contents;
mod file;
mod port;

use std::sync::Arc;

use parking_lot::{Condvar, Mutex, MutexGuard};

use self::{
    contents::{Contents, Death},
    file::File,
};

/// A disk that a test has in its hands; a clone is the same disk.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    contents: Mutex<Contents>,
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
        let mut contents = self.lock();
        contents.death = Some(Death { change: contents.changes + changes, torn });
    }

    /// Whether the process died.
    pub fn is_dead(&self) -> bool {
        self.lock().is_dead
    }

    /// The process ends, if it has not yet, and another one may begin: all that was written is there.
    pub fn kill(&self) {
        let mut contents = self.lock();
        contents.process += 1;
        contents.is_dead = false;
        contents.death = None;
        contents.refused = None;
        contents.syncs_wait = false;
        contents.forget_unnamed();
        drop(contents);
        self.shared.sync_moved.notify_all();
    }

    /// The machine loses its power: of what was not synced, `random` decides what is left. Files end
    /// anywhere, with zeros or garbage behind, and each name is what it was or what it became.
    pub fn lose_power(&self, mut random: impl FnMut() -> u64) {
        self.kill();
        let mut contents = self.lock();
        let Contents { files, names, durable_names, .. } = &mut *contents;
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
        let mut contents = self.lock();
        while contents.waiting_syncs == 0 {
            self.shared.sync_moved.wait(&mut contents);
        }
    }

    /// Syncs go on.
    pub fn let_syncs_go(&self) {
        self.lock().syncs_wait = false;
        self.shared.sync_moved.notify_all();
    }

    /// What is in a file.
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        let contents = self.lock();
        let file = contents.files.get(*contents.names.get(name)?)?;
        Some(file.bytes.clone())
    }

    /// Makes a file of this content, durable, in place of one that was there.
    pub fn put(&self, name: &str, content: &[u8]) {
        let mut contents = self.lock();
        let file = contents.files.len();
        let durable = content.len();
        contents.files.push(File { bytes: content.to_vec(), durable, lost: Vec::new() });
        contents.names.insert(name.to_owned(), file);
        contents.durable_names.insert(name.to_owned(), file);
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.shared.contents.lock()
    }
}
