//! A handshake, from the side of the port.

use std::{fmt, io, sync::Arc, task::Poll, time::Duration};

use arc_swap::ArcSwap;
use futures_util::poll;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Semaphore,
    task,
};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};

use super::{
    in_force::{InForce, Protocol},
    shown::Shown,
};

/// Makes TLS of a port's connections; a clone takes its turns with it.
#[derive(Clone)]
pub struct Acceptor {
    in_force: Arc<ArcSwap<InForce>>,
    protocol: Protocol,
    asks_for_certificate: bool,
    /// Whose handshake is computed, which takes a processor up to a millisecond. One at a time, and
    /// others have theirs in between: on the thread of decisions, a crowd of strangers holds up a
    /// decision no longer than one of them does.
    turns: Arc<Semaphore>,
}

/// Why there is no TLS with a peer.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// It took too long.
    #[error("it took longer than {} s", .0.as_secs())]
    Silent(Duration),
    /// It went away.
    #[error("the peer went away")]
    Left,
    /// One of the two sides does not want the other.
    #[error("{0}")]
    Failed(io::Error),
}

impl Acceptor {
    pub(super) fn new(
        in_force: Arc<ArcSwap<InForce>>,
        protocol: Protocol,
        asks_for_certificate: bool,
    ) -> Self {
        Self { in_force, protocol, asks_for_certificate, turns: Arc::new(Semaphore::new(1)) }
    }

    /// What is spoken above TLS.
    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether a peer is asked for a certificate, which it need not have.
    pub fn asks_for_certificate(&self) -> bool {
        self.asks_for_certificate
    }

    /// Does the handshake on `io`, for as long as it takes; what certificate the peer showed, if it
    /// did.
    pub(crate) async fn accept<IO>(
        &self,
        io: IO,
    ) -> Result<(TlsStream<IO>, Option<Shown>), HandshakeError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let tls = self.shake(io).await?;
        let (_, session) = tls.get_ref();
        let shown = session.peer_certificates();
        let shown = shown.and_then(|chain| Shown::of(chain, &self.in_force));
        Ok((tls, shown))
    }

    async fn shake<IO>(&self, io: IO) -> io::Result<TlsStream<IO>>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let hello = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), io).await?;
        let turn = self.turns.acquire().await;
        // Taken now: while it waited, others may have come into force.
        let mut handshake = hello.into_stream(self.in_force.load().config(self.protocol));
        let begun = poll!(&mut handshake);
        task::yield_now().await;
        drop(turn);
        match begun {
            Poll::Ready(done) => done,
            Poll::Pending => handshake.await,
        }
    }
}

impl From<io::Error> for HandshakeError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Self::Left,
            _ => Self::Failed(error),
        }
    }
}

/// Without what it has of the key.
impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").field("protocol", &self.protocol).finish_non_exhaustive()
    }
}
