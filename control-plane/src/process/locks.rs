//! The locks of the ports: closed where callers have to show who they are.

use std::{net::IpAddr, sync::Arc};

use crate::auth::{
    AuthMetrics, Authenticator, Config, Lock, NoCredentials, Port, Side, TokenFileError,
};

/// Why the ports cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum LockError {
    /// A file has no token.
    #[error(transparent)]
    TokenFile(#[from] TokenFileError),
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
}

impl Locks {
    /// Those of ports at `ip`, for callers whom `authenticator` knows.
    pub(super) fn new(
        config: &Config,
        ip: IpAddr,
        authenticator: &Arc<Authenticator>,
        metrics: &AuthMetrics,
    ) -> Result<Self, NoCredentials> {
        let has_credentials = authenticator.has_credentials();
        let admin = Side::Admin.is_locked(config.admin, ip, has_credentials)?;
        let decide = Side::Decide.is_locked(config.decide, ip, has_credentials)?;
        let lock = |is_locked, port| {
            if is_locked {
                Lock::closed(port, Arc::clone(authenticator), metrics.clone())
            } else {
                Lock::open()
            }
        };
        Ok(Self {
            rest: lock(admin, Port::Rest),
            grpc: lock(admin, Port::Grpc),
            metrics: lock(admin, Port::Metrics),
            decisions: lock(decide, Port::Decisions),
        })
    }
}
