//! The files that settings of a store name: its password, and whose certificates are trusted.

use std::{
    io,
    path::{Path, PathBuf},
};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::{bounded_file, excerpt::path_in_one_line};

/// How long a password may be, with the end of its line.
const PASSWORD_BYTES_MAX: u64 = 4 * 1024;

/// How long a file of certificates may be: that of a system with all that it trusts is a tenth of it.
const CERTIFICATES_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A file that is not what its setting says.
#[derive(Debug, thiserror::Error)]
#[error("{name}={} {fault}", path_in_one_line(path))]
pub(super) struct StoreFileError {
    name: &'static str,
    path: PathBuf,
    fault: Fault,
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("cannot be read: {0}")]
    Unread(#[from] io::Error),
    #[error("is longer than {0} bytes: name the file of {1} alone")]
    TooLong(u64, &'static str),
    #[error(
        "is empty: its one line is the store's password, and without one leave the setting out"
    )]
    NoPassword,
    #[error(
        "is not one line of UTF-8 without control characters: its one line is the store's password"
    )]
    NoLine,
    #[error(
        "has no certificate in PEM (-----BEGIN CERTIFICATE-----), or a damaged one: it has those of the store's authorities"
    )]
    NoCertificate,
}

/// The password in this file.
pub(super) fn password(path: &Path) -> Result<String, StoreFileError> {
    let read = || {
        let bytes = read(path, PASSWORD_BYTES_MAX, "the password")?;
        let text = String::from_utf8(bytes).map_err(|_| Fault::NoLine)?;
        let line = text.trim_end_matches(['\r', '\n']);
        if line.is_empty() {
            return Err(Fault::NoPassword);
        }
        if line.contains(char::is_control) {
            return Err(Fault::NoLine);
        }
        Ok(line.to_owned())
    };
    read().map_err(|fault| of("STORE_PASSWORD_FILE", path, fault))
}

/// The certificates in this file, as they are.
pub(super) fn certificates(path: &Path) -> Result<Vec<u8>, StoreFileError> {
    let read = || {
        let pem = read(path, CERTIFICATES_BYTES_MAX, "the certificates")?;
        let mut trusted = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|_| Fault::NoCertificate)?;
            trusted.add(certificate).map_err(|_| Fault::NoCertificate)?;
        }
        if trusted.is_empty() { Err(Fault::NoCertificate) } else { Ok(pem) }
    };
    read().map_err(|fault| of("STORE_CA_FILE", path, fault))
}

fn of(name: &'static str, path: &Path, fault: Fault) -> StoreFileError {
    StoreFileError { name, path: path.to_owned(), fault }
}

fn read(path: &Path, bytes_max: u64, of_what: &'static str) -> Result<Vec<u8>, Fault> {
    bounded_file::read(path, bytes_max)?.ok_or(Fault::TooLong(bytes_max, of_what))
}
