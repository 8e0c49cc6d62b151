//! `flowguard health`: asks the running control plane whether it serves.
//!
//! A container image without a shell has nothing else that could ask. The answer is the exit code,
//! and one line that says why, where it is no.

use std::{io, net::SocketAddr, time::Duration};

use http::StatusCode;
use tokio::{runtime, time};

use crate::{http::Server, settings::Settings, tls::TlsFileError};

/// How long the whole question may take. Docker's own timeout is above it, so that the reason is
/// told.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Why the control plane cannot be called healthy.
#[derive(Debug, thiserror::Error)]
pub(super) enum HealthError {
    /// Which port was free when the control plane started is known to that process alone.
    #[error("{0} is not allowed here: a port from 1 to 65535, where the control plane is asked")]
    UnknownPort(&'static str),
    /// Nobody knows which certificate it shows.
    #[error(transparent)]
    Tls(#[from] TlsFileError),
    /// Nobody listens, or it is no HTTP.
    #[error("no control plane answers at {address}: {error}")]
    Unreachable {
        /// Where it was asked.
        address: SocketAddr,
        /// What went wrong.
        error: io::Error,
    },
    /// It listens, and does not answer.
    #[error("the control plane at {address} did not answer within {} s", TIMEOUT.as_secs())]
    Silent {
        /// Where it was asked.
        address: SocketAddr,
    },
    /// It says no, as it does while it stops.
    #[error("the control plane at {address} answers {status}, not 200 OK")]
    Unhealthy {
        /// Where it was asked.
        address: SocketAddr,
        /// Its answer.
        status: StatusCode,
    },
}

/// Asks `/health` of the control plane that runs with these settings on this host: at `HEALTH_PORT`
/// where there is one, else at `CONFIG_PORT`.
pub(super) fn check(settings: &Settings) -> Result<(), HealthError> {
    let listeners = &settings.listeners;
    let at = |port| SocketAddr::new(listeners.local_ip(), port);
    let server = match (listeners.health_port, listeners.config_port) {
        (Some(0), _) => return Err(HealthError::UnknownPort("HEALTH_PORT=0 (--health-port)")),
        (Some(port), _) => Server::plain(at(port)),
        (None, 0) => return Err(HealthError::UnknownPort("CONFIG_PORT=0 (--config-port)")),
        (None, port) => Server::with(at(port), &settings.tls)?,
    };
    let address = server.address;
    let unreachable = |error| HealthError::Unreachable { address, error };
    let runtime =
        runtime::Builder::new_current_thread().enable_all().build().map_err(unreachable)?;
    let answer =
        runtime.block_on(async { time::timeout(TIMEOUT, server.get("/health", None)).await });
    match answer {
        Ok(Ok(response)) => match response.status() {
            StatusCode::OK => Ok(()),
            status => Err(HealthError::Unhealthy { address, status }),
        },
        Ok(Err(error)) => Err(unreachable(error)),
        Err(time::error::Elapsed { .. }) => Err(HealthError::Silent { address }),
    }
}
