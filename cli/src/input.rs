//! A file that an operator names, or stdin.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use crate::failure::Usage;

/// The API takes no longer document.
pub(crate) const DOCUMENT_BYTES_MAX: u64 = 64 * 1_024 * 1_024;

/// All of it; `-` is stdin.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Usage> {
    let unread = |error| Usage::File { path: path.to_owned(), error };
    let bytes = if path == Path::new("-") {
        read_bounded(io::stdin().lock())
    } else {
        File::open(path).and_then(read_bounded)
    };
    let bytes = bytes.map_err(unread)?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len > DOCUMENT_BYTES_MAX) {
        return Err(Usage::TooLong { path: path.to_owned(), max: DOCUMENT_BYTES_MAX });
    }
    Ok(bytes)
}

fn read_bounded(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
