//! The snapshot as it is written: records in blocks, and behind them the end.

use std::io;

use bytes::BufMut as _;
use limiter::UnixMillis;

use super::{
    DiskFile, Record,
    frame::{Checksum, Frame},
    header::{self, FileKind},
    records,
};

/// A block is written when it has so many bytes and whoever reads holds no lock.
const BLOCK_BYTES: usize = 64 << 10;

/// With so many it is written in any case.
const BLOCK_BYTES_FULL: usize = 512 << 10;

/// A block has at most its bytes and a last record. What claims to be larger is damaged, and so
/// nothing of its size is allocated.
pub(super) const BLOCK_BYTES_MAX: u32 = 1 << 20;

/// The first byte of a block.
pub(super) const BLOCK: u8 = 0;
/// The first byte of the end.
pub(super) const END: u8 = 1;

/// How a snapshot begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SnapshotHeader {
    /// The first generation of the journal that counts.
    pub(super) generation: u64,
    /// The number of the first entry that was written after it was begun.
    pub(super) first: u64,
    /// When it was begun.
    pub(super) at: UnixMillis,
}

/// Takes the records of a snapshot.
#[derive(Debug)]
pub struct SnapshotWriter<'a> {
    file: &'a dyn DiskFile,
    block: Frame,
    before: Checksum,
    records: u64,
    bytes: u64,
    failure: Option<io::Error>,
}

impl<'a> SnapshotWriter<'a> {
    pub(super) fn begin(file: &'a dyn DiskFile, header: SnapshotHeader) -> io::Result<Self> {
        let numbers = [header.generation, header.first, header.at.0];
        let (bytes, before) = header::encode(FileKind::Snapshot, numbers);
        file.append(&bytes)?;
        let mut writer =
            Self { file, block: Frame::new(), before, records: 0, bytes: 0, failure: None };
        writer.begin_block(BLOCK);
        Ok(writer)
    }

    /// Adds a record. Where one cannot be written, the snapshot fails as a whole in the end.
    pub fn push(&mut self, record: &Record<'_>) {
        if self.failure.is_some() {
            return;
        }
        records::encode(record, self.block.bytes_mut());
        self.records += 1;
        self.write_from(BLOCK_BYTES_FULL);
    }

    /// Writes what has come together. To be called now and then, where no lock is held: the disk may
    /// take its time.
    pub fn flush(&mut self) {
        self.write_from(BLOCK_BYTES);
    }

    fn write_from(&mut self, bytes: usize) {
        if self.failure.is_none() && self.block.body_len() >= bytes {
            self.failure = self.write_block().err();
            self.begin_block(BLOCK);
        }
    }

    /// Writes what is left and that it is whole, with the number of the first entry that was written
    /// after its last record was read. It answers how many bytes the snapshot has.
    pub(super) fn end(mut self, behind: u64) -> io::Result<u64> {
        if let Some(error) = self.failure {
            return Err(error);
        }
        if self.block.body_len() > 1 {
            self.write_block()?;
        }
        self.begin_block(END);
        self.block.bytes_mut().put_u64_le(self.records);
        self.block.bytes_mut().put_u64_le(behind);
        self.write_block()?;
        self.file.sync()?;
        Ok(self.bytes)
    }

    /// Whether all went well so far.
    pub(super) fn check(&mut self) -> io::Result<()> {
        self.failure.take().map_or(Ok(()), Err)
    }

    fn begin_block(&mut self, kind: u8) {
        self.block.clear();
        self.block.bytes_mut().push(kind);
    }

    fn write_block(&mut self) -> io::Result<()> {
        if u32::try_from(self.block.body_len()).is_ok_and(|length| length <= BLOCK_BYTES_MAX) {
            let (bytes, checksum) = self.block.seal(self.before);
            self.file.append(bytes)?;
            self.before = checksum;
            self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            Ok(())
        } else {
            Err(io::Error::other("a record is too large for a snapshot"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::state::{Disk as _, ForgottenRecord, simulated::MemoryDisk};

    #[test]
    fn what_is_pushed_is_written_where_no_lock_is_held_unless_it_is_too_much() {
        let disk = MemoryDisk::new();
        let file = disk.create("state.snapshot").unwrap();
        let header = SnapshotHeader { generation: 1, first: 1, at: UnixMillis(0) };
        let mut writer = SnapshotWriter::begin(&*file, header).unwrap();
        let push_until = |writer: &mut SnapshotWriter<'_>, bytes| {
            while writer.block.body_len() < bytes {
                writer.push(&Record::Forgotten(ForgottenRecord { client: "a" }));
            }
        };

        let begun = disk.changes();
        push_until(&mut writer, 100 << 10);
        assert_eq!(disk.changes(), begun);
        writer.flush();
        assert_eq!(disk.changes(), begun + 1);
        writer.flush();
        assert_eq!(disk.changes(), begun + 1, "there is less than a block");

        push_until(&mut writer, BLOCK_BYTES_FULL - 100);
        assert_eq!(disk.changes(), begun + 1);
        for _ in 0..100 {
            writer.push(&Record::Forgotten(ForgottenRecord { client: "a" }));
        }
        assert_eq!(disk.changes(), begun + 2);
    }
}
