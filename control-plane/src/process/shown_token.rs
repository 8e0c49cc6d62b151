//! The token that a command shows to a control plane, from a file.

use std::{
    io,
    path::{Path, PathBuf},
};

use http::HeaderValue;

use crate::{bounded_file, excerpt::path_in_one_line};

/// How long the file may be: an issuer's token has some kilobytes.
const BYTES_MAX: u64 = 16 * 1_024;

/// A file that has no token.
#[derive(Debug, thiserror::Error)]
#[error("--token-file={} {fault}", path_in_one_line(path))]
pub(super) struct NoToken {
    path: PathBuf,
    fault: Fault,
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("cannot be read: {0}")]
    Unread(#[from] io::Error),
    #[error("has no token: it has one line of text, {BYTES_MAX} bytes at most")]
    NoLine,
}

/// The `Authorization` that shows the token in this file.
pub(super) fn authorization(path: &Path) -> Result<HeaderValue, NoToken> {
    read(path).map_err(|fault| NoToken { path: path.to_owned(), fault })
}

fn read(path: &Path) -> Result<HeaderValue, Fault> {
    let bytes = bounded_file::read(path, BYTES_MAX)?.ok_or(Fault::NoLine)?;
    let text = str::from_utf8(&bytes).map_err(|_| Fault::NoLine)?;
    let token = text.trim_end_matches(['\r', '\n']);
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Fault::NoLine);
    }
    let value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| Fault::NoLine);
    value.map(|mut value| {
        value.set_sensitive(true);
        value
    })
}
