//! `flowguard data backup`: fetches the backup of a running control plane.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    time::Duration,
};

use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time;

use super::{DataError, Destination, output::Output};
use crate::{
    backup::{Counts, Ending},
    http::Server,
};

/// Where a control plane hands out its backup.
const PATH: &str = "/api/v1/backup";

/// How long the control plane may say nothing. Others' lists may be read before it is this one's
/// turn.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Which port was free when the control plane started is known to that process alone.
    #[error(
        "CONFIG_PORT=0 (--config-port) is not allowed here: a port from 1 to 65535, where the \
         control plane is asked"
    )]
    UnknownPort,
    /// Nobody listens, or it is no HTTP.
    #[error(
        "no control plane answers at {address}: {error}; of one that is stopped, flowguard data \
         export writes the folder"
    )]
    Unreachable {
        /// Where it was asked.
        address: SocketAddr,
        /// What went wrong.
        error: io::Error,
    },
    /// It says nothing for too long.
    #[error("the control plane at {address} said nothing for {} s", TIMEOUT.as_secs())]
    Silent {
        /// Where it was asked.
        address: SocketAddr,
    },
    /// It wants to be shown a token, or another one.
    #[error(
        "the control plane at {address} answers {status}: name the file of a token with the scope \
         read, by --token-file or FLOWGUARD_TOKEN_FILE"
    )]
    Locked {
        /// Where it was asked.
        address: SocketAddr,
        /// Its answer.
        status: StatusCode,
    },
    /// It says no, as it does while it stops.
    #[error("the control plane at {address} answers {status}, not 200 OK")]
    Refused {
        /// Where it was asked.
        address: SocketAddr,
        /// Its answer.
        status: StatusCode,
    },
    /// The connection broke, or what came is no backup.
    #[error("the backup of the control plane at {address} did not come to its end")]
    Torn {
        /// Where it was asked.
        address: SocketAddr,
    },
}

/// Fetches the backup of the control plane that answers as `server`, which is shown this
/// `Authorization`.
pub async fn backup(
    server: &Server,
    authorization: Option<HeaderValue>,
    destination: &Destination,
) -> Result<Counts, DataError> {
    let address = server.address;
    if address.port() == 0 {
        return Err(BackupError::UnknownPort.into());
    }
    let mut body = ask(server, authorization).await?;
    let mut output = Output::create(destination)?;
    let mut ending = Ending::default();
    loop {
        let frame = time::timeout(TIMEOUT, body.frame());
        let frame = frame.await.map_err(|_| BackupError::Silent { address })?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|_| BackupError::Torn { address })?;
        if let Some(bytes) = frame.data_ref() {
            ending.see(bytes);
            output.write_all(bytes).map_err(|error| output.failed(error))?;
        }
    }
    let counts = ending.counts().ok_or(BackupError::Torn { address })?;
    output.finish()?;
    Ok(counts)
}

async fn ask(server: &Server, authorization: Option<HeaderValue>) -> Result<Incoming, BackupError> {
    let address = server.address;
    let response = time::timeout(TIMEOUT, server.get(PATH, authorization)).await;
    let response = response.map_err(|_| BackupError::Silent { address })?;
    let response = response.map_err(|error| BackupError::Unreachable { address, error })?;
    match response.status() {
        StatusCode::OK => Ok(response.into_body()),
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            Err(BackupError::Locked { address, status })
        }
        status => Err(BackupError::Refused { address, status }),
    }
}
