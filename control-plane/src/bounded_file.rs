//! A file that somebody named, of which no more is read than it may have.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

/// All of a file; `None`: it is longer than `bytes_max`.
pub(crate) fn read(path: &Path, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let file = File::open(path)?;
    let expected = file.metadata()?.len().min(bytes_max.saturating_add(1));
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or_default());
    // One byte more tells that it goes on.
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(u64::try_from(bytes.len()).is_ok_and(|len| len <= bytes_max).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_a_file_may_have() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(read(&path, 3).unwrap().as_deref(), Some(&b"abc"[..]));
        assert_eq!(read(&path, 2).unwrap(), None);
        assert_eq!(read(Path::new("/dev/zero"), 1_000).unwrap(), None);
        assert!(read(&folder.path().join("other"), 3).is_err());
    }
}
