//! Whose certificate it is.

use std::fmt;

use rustls::pki_types::CertificateDer;
use x509_parser::{extensions::GeneralName, parse_x509_certificate};

use crate::credentials::Digest;

/// How much of a name is kept: a DNS name has 253 bytes at most, and a SPIFFE id 2,048.
const NAME_BYTES_MAX: usize = 2_048;

/// Who showed a certificate that its authority vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its first URI, such as `spiffe://example.org/ns/flowguard/sa/envoy`.
    pub uri: Option<String>,
    /// Its first DNS name.
    pub dns: Option<String>,
    /// The SHA-256 of the certificate, which it always has.
    pub digest: Digest,
}

/// From when on a certificate is valid and until when, in Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: i64,
    pub(super) not_after: i64,
}

/// The time in the same.
pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

impl Subject {
    /// Of a certificate that was verified.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Self {
        let mut subject = Self { uri: None, dns: None, digest: Digest::of(certificate.as_ref()) };
        let Ok((_, parsed)) = parse_x509_certificate(certificate) else { return subject };
        let Ok(Some(names)) = parsed.subject_alternative_name() else { return subject };
        for name in &names.value.general_names {
            match name {
                GeneralName::URI(uri) if subject.uri.is_none() => subject.uri = told(uri),
                GeneralName::DNSName(dns) if subject.dns.is_none() => subject.dns = told(dns),
                _ => {}
            }
        }
        subject
    }
}

/// By the name that says most.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.uri.as_deref().or(self.dns.as_deref()) {
            Some(name) => f.write_str(name),
            None => write!(f, "sha256:{}", self.digest),
        }
    }
}

/// A name that can stand in a log and in an answer as it is; no other name is one.
fn told(name: &str) -> Option<String> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_graphic());
    (is_plain && (1..=NAME_BYTES_MAX).contains(&name.len())).then(|| name.to_owned())
}

/// `None` for what is no certificate.
pub(super) fn validity(certificate: &CertificateDer<'_>) -> Option<Validity> {
    let (_, parsed) = parse_x509_certificate(certificate).ok()?;
    let validity = parsed.validity();
    let (not_before, not_after) = (validity.not_before.timestamp(), validity.not_after.timestamp());
    Some(Validity { not_before, not_after })
}
