//! Where a backup goes: to stdout, or into a file that is there whole or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, ErrorKind, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use crate::excerpt::path_in_one_line;

/// Where a backup should go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To whoever reads what the process says.
    Stdout,
    /// Into a file that is not there yet.
    File(PathBuf),
}

/// Why a backup cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// A file is never overwritten.
    #[error(
        "{} is there already, and was left as it is: choose another name",
        path_in_one_line(file)
    )]
    Taken {
        /// The file.
        file: PathBuf,
    },
    /// The operating system refuses it. Nothing of it is left.
    #[error("{} cannot be written: {error}", path_in_one_line(file))]
    File {
        /// The file.
        file: PathBuf,
        /// The operating system's answer.
        error: io::Error,
    },
    /// Nobody reads, or not all.
    #[error("stdout cannot be written: {0}")]
    Stdout(io::Error),
}

/// A backup that is being written.
pub(super) enum Output {
    Stdout(BufWriter<io::Stdout>),
    File(NewFile),
}

/// A file for its owner only, which goes again unless it is finished.
pub(super) struct NewFile {
    path: PathBuf,
    file: BufWriter<File>,
    is_finished: bool,
}

impl Output {
    pub(super) fn create(destination: &Destination) -> Result<Self, OutputError> {
        match destination {
            Destination::Stdout => Ok(Self::Stdout(BufWriter::new(io::stdout()))),
            Destination::File(path) => {
                let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
                let file = file.map_err(|error| match error.kind() {
                    ErrorKind::AlreadyExists => OutputError::Taken { file: path.clone() },
                    _ => OutputError::File { file: path.clone(), error },
                })?;
                let file = BufWriter::new(file);
                Ok(Self::File(NewFile { path: path.clone(), file, is_finished: false }))
            }
        }
    }

    /// All is written. When this answers, a file is durable.
    pub(super) fn finish(mut self) -> Result<(), OutputError> {
        let finished = match &mut self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(file) => file.finish(),
        };
        finished.map_err(|error| self.failed(error))
    }

    pub(super) fn failed(&self, error: io::Error) -> OutputError {
        match self {
            Self::Stdout(_) => OutputError::Stdout(error),
            Self::File(NewFile { path, .. }) => OutputError::File { file: path.clone(), error },
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::File(NewFile { file, .. }) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(NewFile { file, .. }) => file.flush(),
        }
    }
}

impl NewFile {
    fn finish(&mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        // Without this a power failure may take the name away again.
        File::open(folder(&self.path))?.sync_all()?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_finished {
            // One that stays has no last line, and is refused by whoever reads it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
