//! How a value is written.

use bytes::BufMut as _;

use super::FORMAT;
use crate::clients::Revision;

/// A value while it is written.
#[derive(Debug)]
pub(super) struct ValueWriter {
    bytes: Vec<u8>,
}

impl ValueWriter {
    /// Begins one, in the newest format.
    pub(super) fn begin(flags: u8, revision: Revision) -> Self {
        let mut bytes = vec![FORMAT, flags];
        bytes.put_u64_le(revision.get());
        Self { bytes }
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes.put_u8(byte);
    }

    pub(super) fn number(&mut self, number: u64) {
        self.bytes.put_u64_le(number);
    }

    /// Bytes, of which a reader knows how many they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.put_slice(bytes);
    }

    /// A text of at most 65,535 bytes.
    pub(super) fn text(&mut self, text: &str) {
        let len = u16::try_from(text.len());
        debug_assert!(len.is_ok(), "{text}");
        self.bytes.put_u16_le(len.unwrap_or(u16::MAX));
        self.bytes.put_slice(text.as_bytes());
    }

    pub(super) fn end(self) -> Vec<u8> {
        self.bytes
    }
}
