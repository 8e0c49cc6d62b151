//! The files of a configuration that Envoy follows while it runs: each is there whole, and a new one
//! takes the place of the old one in one step.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{self, Path, PathBuf},
};

use crate::{bounded_file, envoy_config::Files, excerpt::path_in_one_line};

/// How long a filter may be: that of a release has less than a hundredth of it, and one with all that helps
/// to debug it some megabytes.
const FILTER_BYTES_MAX: u64 = 64 * 1_024 * 1_024;

/// Why the files are not written.
#[derive(Debug, thiserror::Error)]
pub enum EnvoyFilesError {
    /// Envoy could not find it.
    #[error("{} cannot be used: {error}", path_in_one_line(path))]
    Path {
        /// What was given.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Nobody knows which filter it is.
    #[error("--filter={} cannot be read: {error}", path_in_one_line(file))]
    Filter {
        /// The filter's file.
        file: PathBuf,
        /// The operating system's answer.
        error: io::Error,
    },
    /// A file, or the folder, is not as it should be.
    #[error("{} cannot be written: {error}", path_in_one_line(file))]
    Unwritable {
        /// The file, or the folder.
        file: PathBuf,
        /// The operating system's answer.
        error: io::Error,
    },
}

/// The path from the root on, so that it is the same one wherever Envoy is started.
pub(super) fn absolute(path: &Path) -> Result<String, EnvoyFilesError> {
    let absolute = path::absolute(path).and_then(|absolute| {
        let text = absolute.into_os_string().into_string();
        text.map_err(|_| io::Error::new(ErrorKind::InvalidFilename, "its path is not UTF-8"))
    });
    absolute.map_err(|error| EnvoyFilesError::Path { path: path.to_owned(), error })
}

/// What tells this filter from another one at the same path.
pub(super) fn filter_version(file: &Path) -> Result<String, EnvoyFilesError> {
    let too_long = || io::Error::other(format!("it is longer than {FILTER_BYTES_MAX} bytes"));
    let read = bounded_file::read(file, FILTER_BYTES_MAX);
    let code = read
        .and_then(|code| code.ok_or_else(too_long))
        .map_err(|error| EnvoyFilesError::Filter { file: file.to_owned(), error })?;
    Ok(format!("{} bytes, CRC-32 {:08x}", code.len(), crc32fast::hash(&code)))
}

/// Writes all files, and says what an Envoy that runs will not take from them.
pub(super) fn write(files: &Files, folder: &Path) -> Result<String, EnvoyFilesError> {
    let unwritable =
        |file: &Path, error| Err(EnvoyFilesError::Unwritable { file: file.to_owned(), error });
    if let Err(error) = fs::create_dir_all(folder) {
        return unwritable(folder, error);
    }
    let (bootstrap, text) = files.bootstrap();
    let file = folder.join(bootstrap);
    let takes_a_restart = bounded_file::read(&file, text.len() as u64)
        .is_ok_and(|before| before.as_deref() != Some(text.as_bytes()));
    for (name, text) in files.followed().chain([(bootstrap, text)]) {
        let file = folder.join(name);
        if let Err(error) = replace(&file, text) {
            return unwritable(&file, error);
        }
    }
    if takes_a_restart {
        return Ok(format!(
            "{} is another one than before: an Envoy that runs has to be started again for it\n",
            path_in_one_line(&file)
        ));
    }
    Ok(String::new())
}

/// Envoy sees the old file or the new one, and is told of it by the renaming alone.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let new_file = file.with_extension("yaml.new");
    fs::write(&new_file, text)?;
    fs::rename(&new_file, file)
}
