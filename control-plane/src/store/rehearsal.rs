//! A file that is opened for trial: what is written to it is kept apart and forgotten.
//!
//! redb writes to a file as soon as it opens it, and finds only then that it is damaged. One that is
//! refused has to stay what it was.

use std::{
    fs::File,
    io::{self, ErrorKind},
    iter,
    os::unix::fs::FileExt as _,
};

use parking_lot::Mutex;
use redb::StorageBackend;

/// What redb opens in place of `file`.
#[derive(Debug)]
pub(super) struct Rehearsal {
    file: File,
    written: Mutex<Written>,
}

#[derive(Debug)]
struct Written {
    /// How many bytes the file would have.
    len: u64,
    /// How many of them, from the first on, are still the file's.
    kept: u64,
    /// What was written, in its order. Opening a file takes a few writes, however large it is.
    writes: Vec<(u64, Vec<u8>)>,
}

impl Rehearsal {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file, written: Mutex::new(Written { len, kept: len, writes: Vec::new() }) })
    }
}

impl StorageBackend for Rehearsal {
    fn len(&self) -> io::Result<u64> {
        Ok(self.written.lock().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let written = self.written.lock();
        if offset.saturating_add(length(out)) > written.len {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        out.fill(0);
        let kept = written.kept.saturating_sub(offset).min(length(out));
        let kept = usize::try_from(kept).unwrap_or(usize::MAX);
        if let Some(kept) = out.get_mut(..kept) {
            self.file.read_exact_at(kept, offset)?;
        }
        for (start, bytes) in &written.writes {
            let skipped = |from: u64, to: u64| usize::try_from(to.saturating_sub(from));
            // One of the two begins first, and what it has more is passed over.
            let (Ok(of_out), Ok(of_bytes)) = (skipped(offset, *start), skipped(*start, offset))
            else {
                continue;
            };
            let out = out.iter_mut().skip(of_out);
            iter::zip(out, bytes.iter().skip(of_bytes)).for_each(|(out, byte)| *out = *byte);
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut written = self.written.lock();
        written.kept = written.kept.min(len);
        for (start, bytes) in &mut written.writes {
            bytes.truncate(usize::try_from(len.saturating_sub(*start)).unwrap_or(usize::MAX));
        }
        written.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut written = self.written.lock();
        written.len = written.len.max(offset.saturating_add(length(data)));
        written.writes.push((offset, data.to_vec()));
        Ok(())
    }
}

fn length(bytes: &[u8]) -> u64 {
    bytes.len().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_the_file_stays_as_it_was() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"0123456789").unwrap();
        let rehearsal = Rehearsal::new(file.reopen().unwrap()).unwrap();
        let read = |offset, length| {
            let mut out = vec![b'?'; length];
            rehearsal.read(offset, &mut out).map(|()| String::from_utf8(out).unwrap())
        };
        assert_eq!(read(0, 10).unwrap(), "0123456789");
        assert!(read(0, 11).is_err());

        rehearsal.write(2, b"abcd").unwrap();
        rehearsal.write(5, b"XYZ").unwrap();
        assert_eq!(read(0, 10).unwrap(), "01abcXYZ89");
        assert_eq!(read(3, 3).unwrap(), "bcX");
        rehearsal.write(9, b"!!").unwrap();
        assert_eq!(read(8, 3).unwrap(), "8!!");

        rehearsal.set_len(4).unwrap();
        assert!(read(0, 5).is_err());
        rehearsal.set_len(7).unwrap();
        assert_eq!(read(0, 7).unwrap(), "01ab\0\0\0");
        assert_eq!(std::fs::read(file.path()).unwrap(), b"0123456789");
    }
}
