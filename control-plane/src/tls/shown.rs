//! A certificate that a peer showed, for as long as somebody vouches for it.

use std::{fmt, ops::Deref, sync::Arc};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustls::{CertificateError, Error, pki_types::CertificateDer};

use super::{
    in_force::InForce,
    subject::{Subject, now, validity},
};

/// Who showed a certificate, and whether it still is one that is trusted: a connection outlives what it
/// was opened with.
pub struct Shown {
    subject: Subject,
    /// The certificate, and behind it those that lead to its authority.
    chain: Vec<CertificateDer<'static>>,
    /// When the first of these expires, in Unix seconds.
    first_expiry: i64,
    in_force: Arc<ArcSwap<InForce>>,
    /// What was in force when it was verified last.
    verified_by: Mutex<Option<Arc<InForce>>>,
}

/// Why a certificate is worth nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLongerVouched {
    /// It is too old.
    #[error("the client certificate has expired: have it renewed")]
    Expired,
    /// Its authority was replaced.
    #[error("no authority in TLS_CLIENT_CA_FILE vouches for the client certificate any more")]
    Authority,
}

impl Shown {
    /// Of a peer that showed this chain, its own certificate first; `None`: it showed none.
    pub(super) fn of(
        chain: &[CertificateDer<'_>],
        in_force: &Arc<ArcSwap<InForce>>,
    ) -> Option<Self> {
        let subject = Subject::of(chain.first()?);
        let expiries = chain.iter().filter_map(validity).map(|validity| validity.not_after);
        Some(Self {
            subject,
            first_expiry: expiries.min().unwrap_or(i64::MIN),
            chain: chain.iter().map(|certificate| certificate.clone().into_owned()).collect(),
            in_force: Arc::clone(in_force),
            verified_by: Mutex::default(),
        })
    }

    /// Whether it would be taken if it was shown now. It is verified anew only where that could have
    /// changed: by other authorities, or since some of it has expired.
    pub fn check(&self) -> Result<(), NoLongerVouched> {
        let in_force = self.in_force.load_full();
        let mut verified_by = self.verified_by.lock();
        let is_verified = verified_by.as_ref().is_some_and(|by| Arc::ptr_eq(by, &in_force));
        if is_verified && now() <= self.first_expiry {
            return Ok(());
        }
        in_force.verify_client(&self.chain).map_err(|error| match error {
            Error::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. },
            ) => NoLongerVouched::Expired,
            _ => NoLongerVouched::Authority,
        })?;
        *verified_by = Some(in_force);
        Ok(())
    }
}

impl Deref for Shown {
    type Target = Subject;

    fn deref(&self) -> &Subject {
        &self.subject
    }
}

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        self.subject == other.subject
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shown").field(&self.subject).finish()
    }
}
