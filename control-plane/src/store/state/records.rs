//! Records as bytes, one behind the other.

use std::mem;

use super::Record;

/// Records that were encoded already and wait for their entry. It can be used again.
#[derive(Clone, Debug, Default)]
pub struct Records {
    bytes: Vec<u8>,
}

impl Records {
    /// Adds a record.
    pub fn push(&mut self, record: &Record<'_>) {
        encode(record, &mut self.bytes);
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// How many bytes they are.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Adds a record to `bytes`.
pub(super) fn encode(record: &Record<'_>, bytes: &mut Vec<u8>) {
    #[expect(
        clippy::expect_used,
        reason = "postcard refuses only sequences of unknown length, and a vector takes every byte"
    )]
    {
        *bytes = postcard::to_extend(record, mem::take(bytes)).expect("a record has a length");
    }
}

/// Gives all records that `bytes` are to `apply`, and tells how many they were.
pub(super) fn decode<'a>(
    mut bytes: &'a [u8],
    mut apply: impl FnMut(Record<'a>),
) -> Result<u64, postcard::Error> {
    let mut records = 0;
    while !bytes.is_empty() {
        let (record, rest) = postcard::take_from_bytes(bytes)?;
        apply(record);
        records += 1;
        bytes = rest;
    }
    Ok(records)
}
