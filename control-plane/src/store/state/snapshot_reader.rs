//! The snapshot as it is read: whole, or not at all.

use bytes::Buf as _;
use limiter::UnixMillis;

use super::{
    Disk, Record, StateError,
    frame::{FrameReader, Next},
    header::{self, FileKind, HEADER_BYTES},
    names, records,
    snapshot_writer::{BLOCK, BLOCK_BYTES_MAX, END, SnapshotHeader},
};

/// A snapshot that was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Snapshot {
    pub(super) header: SnapshotHeader,
    /// The number of the first entry that was written after its last record was read.
    pub(super) behind: u64,
    pub(super) records: u64,
    pub(super) bytes: u64,
}

/// Reads the snapshot that is in force, and gives its records to `apply`. `None`: there is none.
pub(super) fn read(
    disk: &dyn Disk,
    apply: &mut impl FnMut(Record<'_>),
) -> Result<Option<Snapshot>, StateError> {
    let names = disk.names().map_err(StateError::unusable(disk, ""))?;
    if !names.iter().any(|name| name == names::SNAPSHOT) {
        return Ok(None);
    }
    let unusable = || StateError::unusable(disk, names::SNAPSHOT);
    let damaged = |cause| StateError::damaged(disk, names::SNAPSHOT, cause);
    let file = disk.open(names::SNAPSHOT).map_err(unusable())?;
    let bytes = file.len().map_err(unusable())?;
    let (numbers, checksum) = header::read(disk, names::SNAPSHOT, &*file, FileKind::Snapshot)?;
    let [generation, first, at] = numbers;
    let header = SnapshotHeader { generation, first, at: UnixMillis(at) };

    let mut frames = FrameReader::new(file, HEADER_BYTES as u64, checksum, BLOCK_BYTES_MAX)
        .map_err(unusable())?;
    let mut records = 0_u64;
    loop {
        match frames.advance().map_err(unusable())? {
            Next::Frame => {}
            Next::End => return Err(damaged("its end is missing")),
            Next::Torn => {
                let place = bytes.saturating_sub(frames.left());
                return Err(damaged(&format!("its block at byte {place} is not what was written")));
            }
        }
        match frames.body().split_first() {
            Some((&BLOCK, block)) => {
                let decoded = records::decode(block, &mut *apply);
                records += decoded.map_err(|_| damaged("a record cannot be read"))?;
            }
            Some((&END, end)) => {
                let behind = read_end(end, records).ok_or_else(|| damaged("its end is wrong"))?;
                if frames.left() > 0 {
                    return Err(damaged("it goes on behind its end"));
                }
                return Ok(Some(Snapshot { header, behind, records, bytes }));
            }
            _ => return Err(damaged("a block is of no known kind")),
        }
    }
}

/// `None`: it is not the end of so many records.
fn read_end(mut end: &[u8], records: u64) -> Option<u64> {
    let (told, behind) = (end.try_get_u64_le().ok()?, end.try_get_u64_le().ok()?);
    (told == records && end.is_empty()).then_some(behind)
}
