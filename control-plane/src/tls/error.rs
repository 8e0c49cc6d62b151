//! What is said of a file that is not what its setting says: one line, without a byte of the file.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{excerpt::path_in_one_line, rfc3339::rfc3339_of_seconds};

/// How long each may be: some hundred certificates.
pub(super) const BYTES_MAX: u64 = 1 << 20;

/// A file that is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{name}={} {fault}", path_in_one_line(path))]
pub struct TlsFileError {
    name: &'static str,
    path: PathBuf,
    fault: Fault,
}

impl TlsFileError {
    pub(super) fn of(name: &'static str, path: &Path, fault: Fault) -> Self {
        Self { name, path: path.to_owned(), fault }
    }
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("cannot be read: {0}")]
    Unread(#[from] io::Error),
    #[error("is no file: name one in PEM")]
    NotAFile,
    #[error(
        "is longer than {BYTES_MAX} bytes: name a file with what the setting is for, and no more"
    )]
    TooLong,
    #[error(
        "has no certificate in PEM (-----BEGIN CERTIFICATE-----), or a damaged one: it has the \
         control plane's own certificate, and behind it those that lead to its authority"
    )]
    NoCertificate,
    #[error(
        "has no certificate in PEM (-----BEGIN CERTIFICATE-----), or a damaged one: it has those of \
         the authorities that sign for callers"
    )]
    NoAuthority,
    #[error(
        "has no private key in PEM (-----BEGIN PRIVATE KEY-----), or a damaged one: it has that of \
         the certificate in TLS_CERT_FILE"
    )]
    NoKey,
    #[error(
        "has an encrypted key, and nobody is asked for its password: write it without one, for this \
         process alone to read"
    )]
    Encrypted,
    #[error(
        "has a key that is not supported: RSA of 2,048 to 8,192 bits, ECDSA with P-256 or P-384, and \
         Ed25519 are"
    )]
    UnsupportedKey,
    #[error(
        "is not the key of the certificate in TLS_CERT_FILE={}: name the two that belong together",
        path_in_one_line(.0)
    )]
    Mismatch(PathBuf),
    #[error("has expired at {}: have it renewed", rfc3339_of_seconds(*.0))]
    Expired(i64),
    #[error("is not valid before {}: see whether this host's clock is right", rfc3339_of_seconds(*.0))]
    NotYet(i64),
}
