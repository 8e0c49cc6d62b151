//! An entry of the journal: its number, up to which number all was durable when it was written,
//! when that was, and its records.

use bytes::{Buf as _, BufMut as _};
use limiter::UnixMillis;

use super::{
    Record, Records,
    frame::{Checksum, Frame},
    header::NUMBER_MAX,
    records,
};

/// An entry is a frame of the decision stream at most: 1,024 ends and 64 asks with the longest names
/// come to some 2 MiB. What claims to be larger is damaged, and so nothing of its size is allocated.
pub(super) const ENTRY_BYTES_MAX: u32 = 16 << 20;

const HEAD_BYTES: usize = 3 * 8;

/// What happened in one step, while it is written.
#[derive(Debug)]
pub struct Entry {
    frame: Frame,
}

impl Entry {
    /// Adds a record.
    pub fn push(&mut self, record: &Record<'_>) {
        records::encode(record, self.frame.bytes_mut());
    }

    /// Adds records that were encoded before.
    pub fn extend(&mut self, records: &Records) {
        self.frame.bytes_mut().extend_from_slice(records.bytes());
    }

    pub(super) fn new() -> Self {
        Self { frame: Frame::new() }
    }

    /// Begins anew, without records.
    pub(super) fn begin(&mut self, head: EntryHead) {
        self.frame.clear();
        let bytes = self.frame.bytes_mut();
        bytes.put_u64_le(head.number);
        bytes.put_u64_le(head.durable);
        bytes.put_u64_le(head.at.0);
    }

    /// Whether it has no record.
    pub(super) fn is_empty(&self) -> bool {
        self.frame.body_len() <= HEAD_BYTES
    }

    /// Whether it will be read again.
    pub(super) fn is_in_bounds(&self) -> bool {
        u32::try_from(self.frame.body_len()).is_ok_and(|length| length <= ENTRY_BYTES_MAX)
    }

    /// All its bytes, and the checksum for the next one.
    pub(super) fn seal(&mut self, before: Checksum) -> (&[u8], Checksum) {
        self.frame.seal(before)
    }
}

/// What an entry says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EntryHead {
    /// One more than that of the entry before.
    pub(super) number: u64,
    /// All entries with smaller numbers were durable when it was written.
    pub(super) durable: u64,
    pub(super) at: UnixMillis,
}

impl EntryHead {
    /// The head of an entry, and its records. `None`: it is none.
    pub(super) fn split(mut body: &[u8]) -> Option<(Self, &[u8])> {
        let number = body.try_get_u64_le().ok()?;
        let durable = body.try_get_u64_le().ok()?;
        let at = UnixMillis(body.try_get_u64_le().ok()?);
        (number <= NUMBER_MAX).then_some((Self { number, durable, at }, body))
    }
}
