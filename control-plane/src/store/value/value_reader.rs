//! How a value is read.

use bytes::Buf as _;

use super::FORMAT;
use crate::{clients::Revision, store::unreadable::Unreadable};

/// A value while it is read. Everything is `None` where the value ends too early.
#[derive(Debug)]
pub(super) struct ValueReader<'a> {
    pub(super) format: u8,
    pub(super) flags: u8,
    pub(super) revision: Revision,
    rest: &'a [u8],
}

/// The value ends before what its flags say is there.
#[derive(Debug)]
pub(super) struct EndsEarly;

impl<'a> ValueReader<'a> {
    /// Begins with what every value has, of whatever format.
    pub(super) fn begin(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes;
        let (format, flags) = (rest.try_get_u8().ok()?, rest.try_get_u8().ok()?);
        let revision = Revision::new(rest.try_get_u64_le().ok()?);
        Some(Self { format, flags, revision, rest })
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.rest.try_get_u8().ok()
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        self.rest.try_get_u64_le().ok()
    }

    /// So many bytes as its reader takes.
    pub(super) fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*bytes)
    }

    /// A number where the flag says that it is there.
    pub(super) fn number_if(&mut self, flag: u8) -> Result<Option<u64>, EndsEarly> {
        if self.has(flag) { self.number().map(Some).ok_or(EndsEarly) } else { Ok(None) }
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let len = self.rest.try_get_u16_le().ok()?;
        let (text, rest) = self.rest.split_at_checked(len.into())?;
        self.rest = rest;
        str::from_utf8(text).ok()
    }

    /// A text where the flag says that it is there.
    pub(super) fn text_if(&mut self, flag: u8) -> Result<Option<&'a str>, EndsEarly> {
        if self.has(flag) { self.text().map(Some).ok_or(EndsEarly) } else { Ok(None) }
    }

    /// Whether nothing is left.
    pub(super) fn is_at_its_end(&self) -> bool {
        self.rest.is_empty()
    }
}

/// What `read` makes of a row, or why nothing can be made of it.
pub(super) fn decoded<T>(
    what: &str,
    key: &[u8],
    bytes: &[u8],
    read: impl FnOnce(&str, ValueReader<'_>) -> Option<T>,
) -> Result<T, Unreadable> {
    match bytes.first() {
        Some(&format) if format > FORMAT => return Err(Unreadable::Newer(format.into())),
        _ => {}
    }
    let read = || read(str::from_utf8(key).ok()?, ValueReader::begin(bytes)?);
    read().ok_or_else(|| {
        Unreadable::damaged(format!("the {what} \"{}\" cannot be read", key.escape_ascii()))
    })
}
