//! The file of an audit: lines that are only ever added, in parts of a size.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::AuditError;
use crate::bounded_file;

/// Bytes in a file, above which the next one is begun.
const FILE_BYTES_MAX: u64 = 64 * 1_024 * 1_024;

/// Files that are kept beside the one that is written: `audit.jsonl.1` is the newest of them.
const OLDER_FILES_MAX: usize = 7;

/// Bytes in the longest line that is read. What is longer was not written here.
const LINE_BYTES_MAX: u64 = 64 * 1_024;

#[derive(Debug)]
pub(super) struct AuditFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    bytes_max: u64,
}

impl AuditFile {
    /// Opens the file, or makes it, for its owner only. A last line that was cut off stays, and ends.
    pub(super) fn open(path: &Path) -> Result<Self, AuditError> {
        Self::open_with(path, FILE_BYTES_MAX)
    }

    fn open_with(path: &Path, bytes_max: u64) -> Result<Self, AuditError> {
        let told = |error| AuditError { path: path.to_owned(), error };
        let file = owners_file(path).map_err(told)?;
        let found = file.metadata().map_err(told)?;
        if !found.is_file() {
            return Err(told(io::Error::other("it is no file that lines can be read of again")));
        }
        let bytes = found.len();
        let mut opened = Self { path: path.to_owned(), file, bytes, bytes_max };
        if !ends_a_line(path).map_err(told)? {
            opened.append("").map_err(told)?;
        }
        Ok(opened)
    }

    /// Shows every line that is kept to `read`, the oldest first.
    pub(super) fn read_all(&self, mut read: impl FnMut(&str)) -> Result<(), AuditError> {
        let older = (1..=OLDER_FILES_MAX).rev().map(|number| older(&self.path, number));
        for path in older.chain([self.path.clone()]) {
            read_lines(&path, &mut read).map_err(|error| AuditError { path, error })?;
        }
        Ok(())
    }

    /// Adds a line, which is on the disk when this returns. One that could not be written whole ends
    /// before the next.
    pub(super) fn write(&mut self, line: &str) -> Result<(), AuditError> {
        let ready = self.follow_moves().and_then(|()| self.rotate());
        let written = ready.and_then(|()| self.append(line));
        written.map_err(|error| AuditError { path: self.path.clone(), error })
    }

    fn append(&mut self, line: &str) -> io::Result<()> {
        let bytes = format!("{line}\n");
        let written = self.file.write_all(bytes.as_bytes()).and_then(|()| self.file.sync_data());
        if written.is_err() {
            // Half a line would spoil the next one.
            let _ = self.file.set_len(self.bytes);
            return written;
        }
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Makes the file anew where somebody moved it away or deleted it, as those do who rotate logs: a
    /// line that nobody finds is not written down.
    fn follow_moves(&mut self) -> io::Result<()> {
        let identity = |found: Metadata| (found.dev(), found.ino());
        let written = identity(self.file.metadata()?);
        let found = match fs::metadata(&self.path) {
            Ok(found) => Some(identity(found)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if found != Some(written) {
            self.file = owners_file(&self.path)?;
            self.bytes = self.file.metadata()?.len();
        }
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        if self.bytes < self.bytes_max {
            return Ok(());
        }
        for number in (1..OLDER_FILES_MAX).rev() {
            let from = older(&self.path, number);
            if from.try_exists()? {
                fs::rename(from, older(&self.path, number + 1))?;
            }
        }
        fs::rename(&self.path, older(&self.path, 1))?;
        self.file = owners_file(&self.path)?;
        self.bytes = 0;
        Ok(())
    }
}

fn owners_file(path: &Path) -> io::Result<File> {
    bounded_file::open(path, OpenOptions::new().append(true).create(true).mode(0o600))
}

fn older(path: &Path, number: usize) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

fn ends_a_line(path: &Path) -> io::Result<bool> {
    let mut file = bounded_file::open(path, OpenOptions::new().read(true))?;
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

fn read_lines(path: &Path, read: &mut impl FnMut(&str)) -> io::Result<()> {
    let file = match bounded_file::open(path, OpenOptions::new().read(true)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut lines = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let bytes = lines.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if bytes == 0 {
            return Ok(());
        }
        match line.pop_if(|last| *last == b'\n') {
            None if bytes as u64 == LINE_BYTES_MAX => skip_line(&mut lines)?,
            _ => {
                if let Ok(text) = std::str::from_utf8(&line) {
                    read(text);
                }
            }
        }
    }
}

/// Passes over the rest of a line, however long it is.
fn skip_line(lines: &mut impl BufRead) -> io::Result<()> {
    loop {
        let some = lines.fill_buf()?;
        let end = memchr::memchr(b'\n', some);
        let bytes = end.map_or(some.len(), |end| end + 1);
        lines.consume(bytes);
        if end.is_some() || bytes == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(file: &AuditFile) -> Vec<String> {
        let mut lines = Vec::new();
        file.read_all(|line| lines.push(line.to_owned())).unwrap();
        lines
    }

    #[test]
    fn lines_are_there_again_in_their_order_over_files_of_a_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        for number in 0..100 {
            let mut file = AuditFile::open_with(&path, 40).unwrap();
            file.write(&format!("line {number:02}")).unwrap();
        }
        let found = lines(&AuditFile::open(&path).unwrap());
        let kept = found.len();
        assert!((35..=40).contains(&kept), "{found:?}");
        let last: Vec<_> = (100 - kept..100).map(|number| format!("line {number:02}")).collect();
        assert_eq!(found, last);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1 + OLDER_FILES_MAX);
    }

    #[test]
    fn a_line_that_was_cut_off_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        fs::write(&path, "whole\nhal").unwrap();
        let mut file = AuditFile::open(&path).unwrap();
        file.write("next").unwrap();
        assert_eq!(lines(&file), ["whole", "hal", "next"]);
    }

    #[test]
    fn a_line_that_nobody_wrote_here_is_passed_over_however_long_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let long = "a".repeat(200_000);
        fs::write(&path, format!("first\n{long}\nlast\n{long}")).unwrap();
        let mut file = AuditFile::open(&path).unwrap();
        file.write("next").unwrap();
        assert_eq!(lines(&file), ["first", "last", "next"]);
        let told = AuditFile::open(Path::new("/dev/full")).unwrap_err().to_string();
        assert!(told.starts_with("AUDIT_FILE=/dev/full: it is no file"), "{told}");
    }

    #[test]
    fn a_pipe_is_no_audit_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let told = AuditFile::open(&path).unwrap_err().to_string();
        assert!(told.ends_with("it is no file, but a pipe, a socket or a device"), "{told}");
    }

    #[test]
    fn a_line_is_in_the_file_of_that_name_whoever_moved_or_deleted_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let mut file = AuditFile::open(&path).unwrap();
        file.write("first").unwrap();
        fs::rename(&path, folder.path().join("moved")).unwrap();
        file.write("second").unwrap();
        assert_eq!(lines(&file), ["second"]);
        fs::remove_file(&path).unwrap();
        file.write("third").unwrap();
        fs::write(folder.path().join("copied"), "of another\n").unwrap();
        fs::rename(folder.path().join("copied"), &path).unwrap();
        file.write("fourth").unwrap();
        assert_eq!(lines(&file), ["of another", "fourth"]);
        assert_eq!(fs::read_to_string(folder.path().join("moved")).unwrap(), "first\n");
    }

    #[test]
    fn its_owner_alone_reads_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        AuditFile::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
