//! The disk as the process has it.

use std::{
    io::{self, ErrorKind},
    path::PathBuf,
};

use parking_lot::MutexGuard;

use super::{
    MemoryDisk, Operation,
    contents::{Contents, Fate, length},
    file::File,
};
use crate::store::state::{Disk, DiskFile};

impl Disk for MemoryDisk {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.lock().names.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let contents = self.lock();
        let file = contents.find(name)?;
        Ok(Box::new(Handle::new(self, &contents, file)))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut contents = self.lock();
        contents.make(Operation::Create, |contents| {
            contents.names.insert(name.to_owned(), contents.files.len());
            contents.files.push(File::default());
        })?;
        let file = contents.find(name)?;
        Ok(Box::new(Handle::new(self, &contents, file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut contents = self.lock();
        let file = contents.find(from)?;
        contents.make(Operation::Rename, |contents| {
            contents.names.remove(from);
            contents.names.insert(to.to_owned(), file);
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut contents = self.lock();
        contents.find(name)?;
        contents.make(Operation::Remove, |contents| {
            contents.names.remove(name);
        })
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut contents = self.lock();
        contents
            .make(Operation::SyncNames, |contents| contents.durable_names = contents.names.clone())
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
    fn new(disk: &MemoryDisk, contents: &Contents, file: usize) -> Self {
        Self { disk: disk.clone(), file, process: contents.process }
    }

    fn lock(&self) -> io::Result<MutexGuard<'_, Contents>> {
        let contents = self.disk.lock();
        if contents.process == self.process {
            return Ok(contents);
        }
        Err(io::Error::other("the process has ended"))
    }
}

fn file(contents: &mut Contents, file: usize) -> io::Result<&mut File> {
    contents.files.get_mut(file).ok_or_else(|| ErrorKind::NotFound.into())
}

impl DiskFile for Handle {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut contents = self.lock()?;
        let fate = contents.change(Operation::Append)?;
        let room = contents.bytes_max.map(|bytes_max| bytes_max.saturating_sub(contents.bytes()));
        let file = file(&mut contents, self.file)?;
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
        let mut contents = self.lock()?;
        let file = file(&mut contents, self.file)?;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let there = file.bytes.get(offset..).unwrap_or_default();
        let read = there.len().min(bytes.len());
        for (byte, there) in bytes.iter_mut().zip(there) {
            *byte = *there;
        }
        Ok(read)
    }

    fn sync(&self) -> io::Result<()> {
        let mut contents = self.lock()?;
        let refused = contents.refused == Some(Operation::Sync);
        let written = file(&mut contents, self.file)?.bytes.len();
        while contents.syncs_wait {
            contents.waiting_syncs += 1;
            self.disk.shared.sync_moved.notify_all();
            self.disk.shared.sync_moved.wait(&mut contents);
            contents.waiting_syncs -= 1;
        }
        if contents.process != self.process {
            return Err(io::Error::other("the process has ended"));
        }
        let synced = contents.make(Operation::Sync, |contents| {
            if let Some(file) = contents.files.get_mut(self.file) {
                file.durable = file.durable.max(written);
            }
        });
        if refused {
            let file = file(&mut contents, self.file)?;
            let lost = file.durable..written;
            file.durable = file.durable.max(written);
            file.lost.push(lost);
        }
        synced
    }

    fn len(&self) -> io::Result<u64> {
        let mut contents = self.lock()?;
        Ok(length(&file(&mut contents, self.file)?.bytes))
    }
}
