//! The disk of the state: one in memory whose syncs may take as long as the run wants, so that all
//! else goes on meanwhile.
//!
//! What syncs runs on a thread of its own then, and only while the run waits for it: there is no race.

use std::{
    io,
    path::PathBuf,
    sync::Arc,
    thread::{self, JoinHandle},
};

use flowguard::store::state::{Disk, DiskFile, simulated::MemoryDisk};
use parking_lot::{Condvar, Mutex};

/// A disk whose syncs can be held.
#[derive(Clone, Debug, Default)]
pub(crate) struct SlowDisk {
    /// The disk itself.
    pub(crate) memory: MemoryDisk,
    gate: Arc<Gate>,
}

#[derive(Debug, Default)]
struct Gate {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    /// Nobody is held.
    #[default]
    Open,
    /// A sync that comes waits.
    Closed,
    /// One waits.
    Waits,
    /// The work is done.
    Done,
}

/// Work that syncs slowly.
#[derive(Debug)]
pub(crate) struct SlowWork {
    thread: JoinHandle<()>,
    gate: Arc<Gate>,
}

impl SlowDisk {
    /// Begins work whose syncs wait; when this answers, it waits in one or is done.
    pub(crate) fn work_slowly(&self, work: impl FnOnce() + Send + 'static) -> SlowWork {
        *self.gate.state.lock() = State::Closed;
        let gate = Arc::clone(&self.gate);
        let thread = thread::spawn(move || {
            work();
            *gate.state.lock() = State::Done;
            gate.moved.notify_all();
        });
        let work = SlowWork { thread, gate: Arc::clone(&self.gate) };
        work.is_done();
        work
    }
}

impl SlowWork {
    /// Waits until the work waits in a sync, or is done.
    fn is_done(&self) -> bool {
        let mut state = self.gate.state.lock();
        while !matches!(*state, State::Waits | State::Done) {
            self.gate.moved.wait(&mut state);
        }
        *state == State::Done
    }

    /// Lets the sync go that waits; whether that was all.
    pub(crate) fn go_on(&self) -> bool {
        {
            let mut state = self.gate.state.lock();
            if *state == State::Waits {
                *state = State::Closed;
                self.gate.moved.notify_all();
            }
        }
        self.is_done()
    }

    /// Lets all of it go to its end.
    pub(crate) fn finish(self) {
        while !self.go_on() {}
        *self.gate.state.lock() = State::Open;
        // What panicked there has told of it.
        let _ = self.thread.join();
    }
}

impl Gate {
    fn pass(&self) {
        let mut state = self.state.lock();
        if *state == State::Closed {
            *state = State::Waits;
            self.moved.notify_all();
            while *state == State::Waits {
                self.moved.wait(&mut state);
            }
        }
    }
}

#[derive(Debug)]
struct SlowFile {
    file: Box<dyn DiskFile>,
    gate: Arc<Gate>,
}

impl SlowDisk {
    fn slow(&self, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(SlowFile { file, gate: Arc::clone(&self.gate) })
    }
}

impl Disk for SlowDisk {
    fn names(&self) -> io::Result<Vec<String>> {
        self.memory.names()
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.slow(self.memory.open(name)?))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.slow(self.memory.create(name)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.memory.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.memory.remove(name)
    }

    fn sync_names(&self) -> io::Result<()> {
        self.gate.pass();
        self.memory.sync_names()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.memory.path(name)
    }
}

impl DiskFile for SlowFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.file.append(bytes)
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.file.read(offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.gate.pass();
        self.file.sync()
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}
