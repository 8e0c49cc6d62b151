//! The files, read together and judged together.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    Error, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};

use super::{
    Config, TlsFileError,
    error::{BYTES_MAX, Fault},
    in_force::InForce,
    subject::validity,
};
use crate::{bounded_file, settling::Fingerprints};

/// How a key says that it has a password: in its label, or in a header below it.
const ENCRYPTED: [&[u8]; 2] = [b"-----BEGIN ENCRYPTED PRIVATE KEY-----", b"Proc-Type: 4,ENCRYPTED"];

/// Which files they are.
#[derive(Clone, Debug)]
pub(super) struct Files {
    cert: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

/// What is found where they should be. It has a secret, and no `Debug`.
pub(super) struct Contents {
    cert: Result<Vec<u8>, Fault>,
    key: Result<Vec<u8>, Fault>,
    client_ca: Option<Result<Vec<u8>, Fault>>,
}

impl Files {
    /// Those that the settings name; none without TLS.
    pub(super) fn of(config: &Config) -> Option<Self> {
        let Config { cert_file, key_file, client_ca_file } = config;
        let (cert, key) = (cert_file.clone()?, key_file.clone()?);
        Some(Self { cert, key, client_ca: client_ca_file.clone() })
    }

    /// Whether callers are asked for a certificate.
    pub(super) fn ask_for_certificate(&self) -> bool {
        self.client_ca.is_some()
    }

    pub(super) fn read(&self) -> Contents {
        let client_ca = self.client_ca.as_deref().map(read);
        Contents { cert: read(&self.cert), key: read(&self.key), client_ca }
    }

    /// The certificate alone, for those who look for the port that shows it.
    pub(super) fn certificate(&self) -> Result<CertificateDer<'static>, TlsFileError> {
        let found = read(&self.cert).and_then(|pem| certificates(&pem, || Fault::NoCertificate));
        let first = found.and_then(|all| all.into_iter().next().ok_or(Fault::NoCertificate));
        first.map_err(|fault| TlsFileError::of(Config::CERT_FILE, &self.cert, fault))
    }

    /// Of a library that cannot use it, though nothing is wrong with it.
    pub(super) fn unusable(&self, error: Error) -> TlsFileError {
        TlsFileError::of(Config::CERT_FILE, &self.cert, Fault::Unread(io::Error::other(error)))
    }

    /// What ports show by these contents, at a time in Unix seconds.
    pub(super) fn judge(&self, contents: Contents, now: i64) -> Result<InForce, TlsFileError> {
        let Self { cert, key, client_ca } = self;
        let of_cert = |fault| TlsFileError::of(Config::CERT_FILE, cert, fault);
        let of_key = |fault| TlsFileError::of(Config::KEY_FILE, key, fault);

        let chain = contents.cert.and_then(|pem| certificates(&pem, || Fault::NoCertificate));
        let chain = chain.map_err(of_cert)?;
        let own = chain.first().ok_or_else(|| of_cert(Fault::NoCertificate))?;
        let validity = validity(own).ok_or_else(|| of_cert(Fault::NoCertificate))?;
        if validity.not_after < now {
            return Err(of_cert(Fault::Expired(validity.not_after)));
        }
        if validity.not_before > now {
            return Err(of_cert(Fault::NotYet(validity.not_before)));
        }
        let private = contents.key.and_then(|pem| private_key(&pem)).map_err(of_key)?;
        let certified = CertifiedKey::from_der(chain, private, &ring::default_provider());
        let certified = certified.map_err(|error| match error {
            Error::InconsistentKeys(_) => of_key(Fault::Mismatch(cert.clone())),
            Error::InvalidCertificate(_) => of_cert(Fault::NoCertificate),
            // What ring says of a key is for who made it.
            _ => of_key(Fault::UnsupportedKey),
        })?;
        let authorities = match (client_ca, contents.client_ca) {
            (Some(path), Some(read)) => {
                let found = read.and_then(|pem| authorities(&pem, now));
                let of_ca = |fault| TlsFileError::of(Config::CLIENT_CA_FILE, path, fault);
                Some(Arc::new(found.map_err(of_ca)?))
            }
            _ => None,
        };
        InForce::new(certified, authorities.as_ref(), validity)
            .map_err(|_| of_cert(Fault::NoCertificate))
    }
}

impl Contents {
    /// Tells these from others, all of them together.
    pub(super) fn fingerprint(&self, fingerprints: &Fingerprints) -> u64 {
        let of = |read: &Result<Vec<u8>, Fault>| match read {
            Ok(bytes) => fingerprints.of(bytes),
            Err(fault) => fingerprints.of(fault.to_string().as_bytes()),
        };
        let all = [of(&self.cert), of(&self.key), self.client_ca.as_ref().map_or(0, of)];
        fingerprints.of(&all.map(u64::to_le_bytes).concat())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    // Asked before it is opened: opening a pipe waits for somebody who writes.
    if !path.metadata()?.is_file() {
        return Err(Fault::NotAFile);
    }
    bounded_file::read(path, BYTES_MAX)?.ok_or(Fault::TooLong)
}

/// What a damaged one says of itself may have its bytes, and is not told.
fn certificates(
    pem: &[u8],
    none: impl Fn() -> Fault,
) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    found.ok().filter(|found| !found.is_empty()).ok_or_else(none)
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, Fault> {
    let is_encrypted = |mark: &&[u8]| memchr::memmem::find(pem, mark).is_some();
    if ENCRYPTED.iter().any(is_encrypted) {
        return Err(Fault::Encrypted);
    }
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| Fault::NoKey)
}

/// Those of them that are valid; one that has expired may stand among them.
fn authorities(pem: &[u8], now: i64) -> Result<RootCertStore, Fault> {
    let (mut valid, mut expired) = (RootCertStore::empty(), None);
    for certificate in certificates(pem, || Fault::NoAuthority)? {
        let validity = validity(&certificate).ok_or(Fault::NoAuthority)?;
        if validity.not_after < now {
            expired = Some(validity.not_after);
        } else {
            valid.add(certificate).map_err(|_| Fault::NoAuthority)?;
        }
    }
    match expired {
        Some(at) if valid.is_empty() => Err(Fault::Expired(at)),
        _ => Ok(valid),
    }
}
