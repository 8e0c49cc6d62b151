//! The locks of the ports: closed where callers have to show who they are.

use std::sync::Arc;

use crate::audit::Audit;
use crate::auth::{
    AuthMetrics, Authenticator, CredentialFileError, CredentialFiles, Lock, NoCredentials,
    PortName, Side,
};
use crate::credentials::Tokens;
use crate::settings::Settings;

/// Why the ports cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum LockError {
    /// A file is not what its setting says.
    #[error(transparent)]
    File(#[from] CredentialFileError),
    /// Nobody could show what is required.
    #[error(transparent)]
    NoCredentials(#[from] NoCredentials),
}

/// The lock of each port.
pub(super) struct Locks {
    pub(super) rest: Lock,
    pub(super) grpc: Lock,
    pub(super) metrics: Lock,
    pub(super) decisions: Lock,
    pub(super) authenticator: Arc<Authenticator>,
}

impl Locks {
    /// Those of the ports, for callers who are known by `tokens` or by the files of `settings`, Envoys
    /// also by certificates where there is a client CA.
    pub(super) fn open(
        settings: &Settings,
        tokens: Arc<Tokens>,
        metrics: &AuthMetrics,
        audit: &Arc<Audit>,
    ) -> Result<Self, LockError> {
        let (config, ip) = (&settings.auth, settings.listeners.ip);
        let has_client_ca = settings.tls.client_ca_file.is_some();
        let files = CredentialFiles::read(config)?;
        let authenticator = Arc::new(Authenticator::new(tokens, files));
        let has_credentials = authenticator.has_credentials();
        let admin = Side::Admin.is_locked(config.admin, ip, has_credentials)?;
        let is_shown_some = has_credentials || has_client_ca;
        let decide = Side::Decide.is_locked(config.decide, ip, is_shown_some)?;
        let lock = |is_locked, port| {
            if is_locked {
                let (authenticator, audit) = (Arc::clone(&authenticator), Arc::clone(audit));
                Lock::closed(port, authenticator, metrics.clone(), audit)
            } else {
                Lock::open()
            }
        };
        Ok(Self {
            rest: lock(admin, PortName::Rest),
            grpc: lock(admin, PortName::Grpc),
            metrics: lock(admin, PortName::Metrics),
            decisions: lock(decide, PortName::Decisions),
            authenticator,
        })
    }
}
