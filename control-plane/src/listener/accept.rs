//! The listener: whoever arrives gets a place, or waits for one.

use std::{io, sync::Arc, time::Duration};

use futures_util::{Stream, stream};
use tokio::{
    net::{TcpListener, TcpStream},
    time,
};
use tracing::warn;

use super::{Connection, ConnectionLimits, places::Places};

/// Before accepting is tried again, when the process has no file descriptor left.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// A listener and the connections that it may have open.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    /// Accepted, and not yet in a place.
    arrived: Option<TcpStream>,
    places: Arc<Places>,
    limits: ConnectionLimits,
}

impl Listener {
    /// Accepts from `tcp`, which is bound already.
    pub fn new(tcp: TcpListener, limits: ConnectionLimits) -> Self {
        Self { tcp, arrived: None, places: Places::new(limits.connections_max), limits }
    }

    /// The next connection. It may be dropped while it waits without losing one.
    pub async fn accept(&mut self) -> Connection {
        loop {
            // Room is made only for somebody who is there.
            if self.arrived.is_none() {
                self.arrived = Some(self.next_arrival().await);
            }
            let place = self.places.take().await;
            if let Some(tcp) = self.arrived.take() {
                return Connection::new(tcp, place, self.limits);
            }
        }
    }

    async fn next_arrival(&self) -> TcpStream {
        loop {
            match self.tcp.accept().await {
                Ok((tcp, _)) => return tcp,
                Err(error) if peer_gave_up(&error) => {}
                Err(error) => {
                    warn!("accepting a connection failed: {error}");
                    #[expect(
                        clippy::disallowed_methods,
                        reason = "nothing tells when there are file descriptors again"
                    )]
                    time::sleep(ACCEPT_BACKOFF).await;
                }
            }
        }
    }

    /// All connections, one after the other, without end.
    pub fn into_stream(self) -> impl Stream<Item = io::Result<Connection>> {
        stream::unfold(self, |mut listener| async move {
            let connection = listener.accept().await;
            Some((Ok(connection), listener))
        })
    }
}

fn peer_gave_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
