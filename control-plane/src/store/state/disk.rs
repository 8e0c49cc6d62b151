//! What the files of the state need of a folder.

use std::{fmt, io, path::PathBuf};

/// A folder. What is done to names is durable when they are synced.
pub trait Disk: fmt::Debug + Send + Sync {
    /// The names of all files.
    fn names(&self) -> io::Result<Vec<String>>;

    /// A file that is there, to be read and synced.
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// A file that is empty, in place of one that was there.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file another name, in place of a file that had it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// When this answers, the names are durable.
    fn sync_names(&self) -> io::Result<()>;

    /// What a person calls the file.
    fn path(&self, name: &str) -> PathBuf;
}

/// A file of a [`Disk`].
pub trait DiskFile: fmt::Debug + Send + Sync {
    /// Writes `bytes` at the end, in one call. Where this fails, some of them may be there.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// Reads what is at `offset` into `bytes`, and tells how many there were.
    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize>;

    /// When this answers, what was written before it was called is durable.
    fn sync(&self) -> io::Result<()>;

    /// How many bytes it has.
    fn len(&self) -> io::Result<u64>;

    /// Whether it has none.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}
