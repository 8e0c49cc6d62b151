//! A file that somebody named, of which no more is read than it may have.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use rustix::fs::OFlags;

/// All of a file; `None`: it is longer than `bytes_max`.
pub(crate) fn read(path: &Path, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let file = open(path, OpenOptions::new().read(true))?;
    let expected = file.metadata()?.len().min(bytes_max.saturating_add(1));
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or_default());
    // One byte more tells that it goes on.
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(u64::try_from(bytes.len()).is_ok_and(|len| len <= bytes_max).then_some(bytes))
}

/// Opens what is a file. A pipe would wait for somebody at its other end, who may never come, and a
/// device may have no end: neither is opened, nor waited for.
pub(crate) fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    if path.metadata().is_ok_and(|found| is_none(found.file_type())) {
        return Err(no_file());
    }
    // It may have become one since: nothing waits at this either.
    let file = options.custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    if is_none(file.metadata()?.file_type()) { Err(no_file()) } else { Ok(file) }
}

/// Of a folder the operating system says so itself.
fn is_none(kind: std::fs::FileType) -> bool {
    !kind.is_file() && !kind.is_dir()
}

fn no_file() -> io::Error {
    io::Error::other("it is no file, but a pipe, a socket or a device")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn no_more_is_read_than_a_file_may_have() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(read(&path, 3).unwrap().as_deref(), Some(&b"abc"[..]));
        assert_eq!(read(&path, 2).unwrap(), None);
        assert!(read(&folder.path().join("other"), 3).is_err());
    }

    #[test]
    fn a_pipe_and_a_device_are_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [&pipe, Path::new("/dev/zero")] {
            let told = read(path, 1_000).unwrap_err().to_string();
            assert_eq!(told, "it is no file, but a pipe, a socket or a device");
        }
    }
}
