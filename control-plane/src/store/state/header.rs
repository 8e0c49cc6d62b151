//! How a file begins: what it is, its format, three numbers and a checksum.

use std::io;

use bytes::{Buf as _, BufMut as _};

use super::{Disk, DiskFile, StateError, frame::Checksum};
use crate::store::NewerFormat;

/// The format of the files, as it is written. Format 1 has no record of limits beside clients' own, and
/// is read like this one.
pub const FORMAT: u32 = 2;

const OLDEST: u32 = 1;

const MAGIC_BYTES: usize = 8;
const CHECKSUM_BYTES: usize = 4;

/// No process counts so far. Larger numbers were never written, and none that is read can overflow.
pub(super) const NUMBER_MAX: u64 = u64::MAX >> 1;

/// How long a header is.
pub(super) const HEADER_BYTES: usize = MAGIC_BYTES + 4 + 3 * 8 + CHECKSUM_BYTES;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    Journal,
    Snapshot,
}

impl FileKind {
    fn magic(self) -> &'static [u8; MAGIC_BYTES] {
        match self {
            Self::Journal => b"FGSTATEJ",
            Self::Snapshot => b"FGSTATES",
        }
    }
}

/// A header, and the checksum behind it.
pub(super) fn encode(kind: FileKind, numbers: [u64; 3]) -> (Vec<u8>, Checksum) {
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    bytes.put_slice(kind.magic());
    bytes.put_u32_le(FORMAT);
    for number in numbers {
        bytes.put_u64_le(number);
    }
    let checksum = Checksum::of(&bytes);
    bytes.put_slice(&checksum.to_bytes());
    (bytes, checksum)
}

/// The numbers of a file's header, and the checksum behind it.
pub(super) fn read(
    disk: &dyn Disk,
    name: &str,
    file: &dyn DiskFile,
    kind: FileKind,
) -> Result<([u64; 3], Checksum), StateError> {
    let bytes = first_bytes(file).map_err(StateError::unusable(disk, name))?;
    let damaged = |cause| StateError::damaged(disk, name, cause);
    let short = || damaged("it is shorter than its header");
    let mut rest = bytes.strip_prefix(kind.magic()).ok_or_else(|| match bytes.len() {
        ..MAGIC_BYTES => short(),
        _ => damaged("it does not begin as such a file does"),
    })?;
    let format = rest.try_get_u32_le().map_err(|_| short())?;
    if format > FORMAT {
        let (format, known) = (format.into(), FORMAT.into());
        return Err(NewerFormat { file: disk.path(name), format, known }.into());
    }
    let mut number = || rest.try_get_u64_le().map_err(|_| short());
    let numbers = [number()?, number()?, number()?];
    let (summed, sum) = bytes.split_at_checked(HEADER_BYTES - CHECKSUM_BYTES).ok_or_else(short)?;
    let checksum = Checksum::of(summed);
    if sum.len() < CHECKSUM_BYTES {
        return Err(short());
    }
    let are_possible = numbers.iter().all(|number| *number <= NUMBER_MAX);
    if format < OLDEST || sum != checksum.to_bytes() || !are_possible {
        return Err(damaged("its header is not what was written"));
    }
    Ok((numbers, checksum))
}

/// As many as a header has, or all that there are.
fn first_bytes(file: &dyn DiskFile) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; HEADER_BYTES];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(u64::try_from(filled).unwrap_or(u64::MAX), rest)? {
            0 => break,
            read => filled += read,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
