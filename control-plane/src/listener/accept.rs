//! The listener: whoever arrives gets a place, or waits for one.

use std::{io, sync::Arc, time::Duration};

use futures_util::{Stream, stream};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{self, Instant},
};
use tracing::warn;

use super::{
    Connection, ConnectionLimits, Port, handshake::shake, places::Places, told::Told, wire::Wire,
};
use crate::tls::Acceptor;

/// Before accepting is tried again, when the process has no file descriptor left.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// How often the log says so of one listener.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// A listener and the connections that it may have open.
#[derive(Debug)]
pub struct Listener {
    arrivals: Arrivals,
    tls: Option<Acceptor>,
    /// Connections that have a place, and no TLS yet.
    handshakes: JoinSet<Option<Connection>>,
    told: Told,
}

/// Peers that connect, one after the other.
#[derive(Debug)]
struct Arrivals {
    tcp: TcpListener,
    /// Accepted, and not yet in a place.
    arrived: Option<TcpStream>,
    places: Arc<Places>,
    limits: ConnectionLimits,
    last_told: Option<Instant>,
}

impl Listener {
    /// Accepts from `port`, which is bound already.
    pub fn new(port: impl Into<Port>, limits: ConnectionLimits) -> Self {
        let (tcp, tls) = port.into().into_parts();
        let told = Told::new(tcp.local_addr().ok());
        let places = Places::new(limits.connections_max);
        let arrivals = Arrivals { tcp, arrived: None, places, limits, last_told: None };
        Self { arrivals, tls, handshakes: JoinSet::new(), told }
    }

    /// The next connection. It may be dropped while it waits without losing one.
    pub async fn accept(&mut self) -> Connection {
        loop {
            tokio::select! {
                Some(shaken) = self.handshakes.join_next() => {
                    if let Ok(Some(connection)) = shaken {
                        return connection;
                    }
                }
                wire = self.arrivals.next() => match &self.tls {
                    None => return Connection::plain(wire, self.told.clone()),
                    Some(acceptor) => {
                        self.handshakes.spawn(shake(wire, acceptor.clone(), self.told.clone()));
                    }
                },
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

impl Arrivals {
    /// The next one that has a place. It may be dropped while it waits without losing one.
    async fn next(&mut self) -> Wire {
        loop {
            // Room is made only for somebody who is there.
            if self.arrived.is_none() {
                self.arrived = Some(self.next_arrival().await);
            }
            let place = self.places.take().await;
            if let Some(tcp) = self.arrived.take() {
                return Wire::new(tcp, place, self.limits);
            }
        }
    }

    async fn next_arrival(&mut self) -> TcpStream {
        loop {
            match self.tcp.accept().await {
                Ok((tcp, _)) => return tcp,
                Err(error) if peer_gave_up(&error) => {}
                Err(error) => {
                    self.tell(&error);
                    #[expect(
                        clippy::disallowed_methods,
                        reason = "nothing tells when there are file descriptors again"
                    )]
                    time::sleep(ACCEPT_BACKOFF).await;
                }
            }
        }
    }

    /// Tells that nobody can connect, as often as somebody can read it.
    fn tell(&mut self, error: &io::Error) {
        if self.last_told.is_some_and(|told| told.elapsed() < TOLD_EVERY) {
            return;
        }
        self.last_told = Some(Instant::now());
        let at = self.tcp.local_addr().map_or_else(|_| String::new(), |at| format!(" at {at}"));
        warn!("accepting a connection{at} failed: {error}");
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
